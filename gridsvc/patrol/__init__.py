"""The walks: routes with checkpoints, recording, matching, coverage."""
