"""Documents as rows."""
