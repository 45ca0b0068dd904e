"""Connections to the database: engines, work that runs again, and what failures
mean.
"""
