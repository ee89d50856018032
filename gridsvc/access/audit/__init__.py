"""The chain of hashes over the events, its proof, and how the audit is read."""
