"""Sessions as rows, with their members and the records of their runs."""
