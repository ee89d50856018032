"""The notice before a position is taken, and who agreed to which version of it, when, until they withdrew."""
