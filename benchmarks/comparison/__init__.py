"""This service beside the published one and beside the physical limit: what
``python -m benchmarks`` runs.
"""
