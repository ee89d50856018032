"""The formats of files: what is read into rows, and what rows are written as."""
