"""Connections to the cluster: its hosts, requests to them, and what failures
mean.
"""
