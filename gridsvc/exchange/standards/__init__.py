"""What an office works by, as files: the catalogue of classes and conditions, and the calendar."""
