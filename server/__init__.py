"""Speak HTTP: pages, the JSON API, the catalogue protocols, and the command line."""
