"""The indices and their versions."""
