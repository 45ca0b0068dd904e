"""What the operations of the storage contract do, once for all drivers.

Each function of these modules is a step that a driver runs as a unit of work
(:mod:`freezer_api.db.unit`). It decides by what the unit has read, may run
several times, and takes effect as a whole or not at all.
"""
