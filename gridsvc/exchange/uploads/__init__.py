"""Files sent over HTTP: received within a bound, kept with a job, imported by any worker."""
