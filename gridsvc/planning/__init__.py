"""Drafts of a redraw: edits, metrics, impact, proposals, rollout."""
