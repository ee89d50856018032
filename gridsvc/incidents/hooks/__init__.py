"""Other systems of the office are told what happens to incidents: signed, retried, and only where an office allows it."""
