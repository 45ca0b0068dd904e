"""Importing the database of the published service.

:mod:`.source` reads it, page by page, and never writes to it. The pure
functions of :mod:`.clients`, :mod:`.actions`, :mod:`.sessions`, :mod:`.jobs`
and :mod:`.backups` make our documents of its rows; what they repair, and what
they keep although the API would refuse it, they tell as :mod:`.notes`.
:mod:`.importer` brings the documents into a store.
"""
