"""The storage contract as tests, for the authors of drivers: see :mod:`.suite`."""
