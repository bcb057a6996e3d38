"""Seal secrets that must be kept and used again: keys of buckets, passwords, headers.

The key is derived from the installation's own, so a copy of the database alone opens nothing.
"""

from __future__ import annotations

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from . import errors
from .errors import _
from .settings import Settings, secret_key


def seal(settings: Settings, text: str) -> str:
    """Return the text so that only this installation can read it; "" stays ""."""
    return _box(secret_key(settings)).encrypt(text.encode()).decode() if text else ""


def unseal(settings: Settings, sealed: str) -> str:
    """Return the text that was sealed.

    Raises:
        errors.Refused: it was sealed with another key, or changed.
    """
    if not sealed:
        return ""
    try:
        return _box(secret_key(settings)).decrypt(sealed.encode()).decode()
    except InvalidToken as problem:
        raise errors.Refused(
            _("a stored secret was sealed with another key: enter it once more")
        ) from problem


@lru_cache(maxsize=256)
def derived_key(key: str, purpose: str) -> bytes:
    """Return 32 bytes for one purpose, derived from the installation's key (`secret_key`).

    Without that key nobody computes them, and those of one purpose say nothing of another's.
    """
    return HKDF(SHA256(), 32, None, f"jinbiao {purpose}".encode()).derive(key.encode())


@lru_cache(maxsize=8)
def _box(key: str) -> Fernet:
    derived = HKDF(SHA256(), 32, None, b"jinbiao stored secrets").derive(key.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
