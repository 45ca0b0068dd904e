"""Revisions that contract the schema, once no process of an earlier release
runs. There are none so far.
"""
