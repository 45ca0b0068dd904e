"""Indexing documents, and finding pages of them."""
