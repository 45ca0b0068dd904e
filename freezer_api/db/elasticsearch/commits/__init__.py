"""Changes of several documents as one step: see :mod:`.committing`."""
