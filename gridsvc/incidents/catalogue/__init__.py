"""The catalogue: what can be wrong, how soon it must be mended, and what that is called in another version."""
