"""This service on each store, under each WSGI server and by each database
driver: what ``python -m benchmarks.deployments`` runs.
"""
