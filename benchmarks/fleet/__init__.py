"""A fleet of simulated agents: what ``python -m benchmarks.fleet`` runs."""
