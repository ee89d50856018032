"""Is it a partition? Faults of boundary layers found, and narrow ones repaired; pure."""
