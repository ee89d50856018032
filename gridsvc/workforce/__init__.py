"""The people on duty: workers, posts, shifts."""
