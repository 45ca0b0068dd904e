"""What walks through all that is kept: see :mod:`freezer_api.db.maintenance`."""
