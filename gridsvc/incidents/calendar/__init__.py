"""When the office works: holidays, make-up working days, office hours and seasons, kept as data."""
