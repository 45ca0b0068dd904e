"""The storage driver that the documentation shows."""
