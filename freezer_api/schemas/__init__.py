"""JSON Schemas of request bodies, one module per resource, compiled once; and
what becomes of a body before its check. Schemas of parameters and answers are
for the description of the API alone.
"""
