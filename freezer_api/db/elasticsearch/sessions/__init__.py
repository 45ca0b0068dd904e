"""The runs of sessions."""
