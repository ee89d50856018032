"""Drawing, pure: data in, page out."""
