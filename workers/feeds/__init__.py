"""Reach the places that feeds read: buckets, folders, addresses, databases, catalogues."""
