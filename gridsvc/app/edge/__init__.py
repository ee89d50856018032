"""What every request passes before the application: the host's own headers, how often it may ask, how much it may send."""
