"""Photos of incidents: re-encoded so that nothing but the picture is left of them, and kept by their content."""
