"""Speak the Hugging Face Hub's read protocol, so that its own clients load our datasets.

Every file is told as an LFS file whose ETag is its SHA-256, and nothing mentions Xet: then
all generations of the clients download by plain HTTP with ranges. Everything released is
public; a token is checked if one is sent.
"""

from __future__ import annotations

from . import files, info, lists
from .protocol import routes, token_of

__all__ = ["files", "info", "lists", "routes", "token_of"]
