"""Files in and out: formats, datums, imports with every row checked."""
