"""Keep what projects are connected to: model backends, buckets and folders."""

from . import backends, messages, ownership, patterns, stores

__all__ = ["backends", "messages", "ownership", "patterns", "stores"]
