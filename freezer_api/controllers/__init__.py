"""Translate HTTP to calls of services, and back: one class per resource, one
table of routes.
"""
