"""The contact somebody left to be called back about a report: sealed, shown with a reason, gone by a date."""
