"""Speak the Hugging Face Hub's read protocol, so that its own clients load our datasets.

Every file is told as an LFS file whose ETag is its SHA-256, and nothing mentions Xet: then
all generations of the clients download by plain HTTP with ranges. What is open needs no
token; one that is sent is checked. What is open under conditions is a gated dataset here,
and what is closed a private one.
"""

from __future__ import annotations

from . import croissant, files, info, lists, opening, settings, standing
from .protocol import routes

__all__ = ["croissant", "files", "info", "lists", "opening", "routes", "settings", "standing"]
