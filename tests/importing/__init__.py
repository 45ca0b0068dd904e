"""The import of the published service's database."""
