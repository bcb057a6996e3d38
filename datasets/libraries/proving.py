"""Name raw material by digests that nobody can try out, and that its owner can open."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from .. import seals
from ..settings import Settings, secret_key


@dataclass(frozen=True)
class Opening:
    """What an owner shows to prove which raw material a published record was made of.

    `keyed_digest` is HMAC-SHA-256 of the 64 hex digits of the asset's SHA-256, with `key`.
    Whoever has the bytes and this key computes it; without the key it tells nothing, and the
    key of one asset opens no other.
    """

    keyed_digest: str
    key: str


def opening(settings: Settings, organisation_id: int, digest: str) -> Opening:
    """Return the keyed digest of an organisation's asset, always the same, and what opens it."""
    purpose = f"raw material of organisation {organisation_id}"
    master = seals.derived_key(secret_key(settings), purpose)
    key = hmac.new(master, digest.encode(), hashlib.sha256).digest()
    return Opening(hmac.new(key, digest.encode(), hashlib.sha256).hexdigest(), key.hex())
