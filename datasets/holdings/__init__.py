"""Know how much each organisation stores, what it may, and what was deleted."""

from .quotas import (
    MOST_QUOTA,
    Standing,
    add,
    change,
    check,
    everyone,
    largest,
    lock,
    parts,
    standing,
    standing_of,
    take,
    usage,
)
from .rows import DeletionLine, DeletionReport, StorageCount, StorageUsage, UnusedObject

__all__ = [
    "MOST_QUOTA",
    "DeletionLine",
    "DeletionReport",
    "Standing",
    "StorageCount",
    "StorageUsage",
    "UnusedObject",
    "add",
    "change",
    "check",
    "everyone",
    "largest",
    "lock",
    "parts",
    "standing",
    "standing_of",
    "take",
    "usage",
]
