"""Keep the platform's signing keys: made at first use, sealed, replaced, never forgotten.

Each signature is made twice: with Ed25519 (RFC 8032) and with SM2 (GB/T 32918). The secrets
are sealed with the installation's own key, which no backup holds; the public keys of all times
stay listed, so that old releases can be verified for ever.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from gmssl.sm2 import CryptSM2
from sqlalchemy.orm import Mapped, Session, mapped_column

from .. import audit, errors
from ..db import Base, Id, insert_new, now
from ..errors import _
from ..people import User
from ..seals import seal, unseal
from ..settings import Settings
from . import verify_receipt

ALGORITHMS = tuple(verify_receipt.ALGORITHMS)


class SigningKey(Base):
    """One key pair of the platform; the newest of an algorithm signs."""

    __tablename__ = "signing_keys"
    __table_args__ = (sa.UniqueConstraint("algorithm", "number"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    algorithm: Mapped[str] = mapped_column(sa.String(10))
    # 1, 2, 3 … of its algorithm.
    number: Mapped[int]
    # The id under which it is published, 32 hex digits of a digest of the public key.
    name: Mapped[str] = mapped_column(sa.String(32), unique=True)
    # In hex: 32 bytes of Ed25519, x‖y of SM2.
    public: Mapped[str] = mapped_column(sa.String(128))
    sealed: Mapped[str]
    made_at: Mapped[dt.datetime] = mapped_column(default=now)
    retired_at: Mapped[dt.datetime | None]

    @property
    def told(self) -> dict[str, str]:
        """Return what a release says of the key that signed it."""
        return {"algorithm": self.algorithm, "id": self.name, "public": self.public}


def current(session: Session, settings: Settings) -> list[SigningKey]:
    """Return the keys that sign now, one an algorithm; those missing are made."""
    found = _newest(session)
    missing = [algorithm for algorithm in ALGORITHMS if algorithm not in found]
    if missing:
        # Another process may make them at the same time: whoever is second takes the first's.
        insert_new(session, SigningKey, [_made(settings, name, 1) for name in missing])
        found = _newest(session)
    return [found[algorithm] for algorithm in ALGORITHMS]


def rotate(session: Session, settings: Settings, actor: User | str) -> list[SigningKey]:
    """Replace the keys that sign by new ones; the old ones stay listed."""
    before = _newest(session)
    for algorithm in ALGORITHMS:
        old = before.get(algorithm)
        number = 1
        if old is not None:
            session.refresh(old, with_for_update=True)
            old.retired_at, number = now(), old.number + 1
        session.add(SigningKey(**_made(settings, algorithm, number)))
    session.flush()
    made = _newest(session)
    audit.record(
        session, actor, "keys.rotate", "keys", **{name: key.name for name, key in made.items()}
    )
    return [made[algorithm] for algorithm in ALGORITHMS]


def listed(session: Session) -> list[SigningKey]:
    """List all keys there ever were, oldest first."""
    return list(session.scalars(sa.select(SigningKey).order_by(SigningKey.id)))


def published(session: Session) -> dict[str, Any]:
    """Return the list of public keys as it is published."""
    rows = [
        {
            **key.told,
            "made_at": key.made_at.isoformat(timespec="seconds"),
            "retired_at": key.retired_at and key.retired_at.isoformat(timespec="seconds"),
        }
        for key in listed(session)
    ]
    return {"format": verify_receipt.KEYS, "keys": rows}


def sign(settings: Settings, keys: Sequence[SigningKey], message: bytes) -> bytes:
    """Return the signatures of a message by each key, as the file beside a release holds them.

    Raises:
        errors.Refused: the keys were sealed with another key of the installation.
    """
    rows = []
    for key in keys:
        try:
            secret = unseal(settings, key.sealed)
        except errors.Refused as problem:
            raise errors.Refused(
                _(
                    "the signing keys were sealed with another key of this installation:"
                    " put secret.key back, or run “jinbiao keys rotate”"
                )
            ) from problem
        signature = _SIGN[key.algorithm](secret, key.public, message)
        public = bytes.fromhex(key.public)
        if not verify_receipt.ALGORITHMS[key.algorithm](public, message, signature):
            raise errors.Damaged(_("a signature that was just made does not verify"))
        rows.append({"algorithm": key.algorithm, "key": key.name, "signature": signature.hex()})
    told = {"format": verify_receipt.SIGNATURES, "signatures": rows}
    return verify_receipt.canonical(told) + b"\n"


def _newest(session: Session) -> dict[str, SigningKey]:
    rows = session.scalars(sa.select(SigningKey).order_by(SigningKey.number))
    return {key.algorithm: key for key in rows}


def _made(settings: Settings, algorithm: str, number: int) -> dict[str, Any]:
    secret, public = _MAKE[algorithm]()
    return {
        "algorithm": algorithm,
        "number": number,
        "name": verify_receipt.key_id(algorithm, public),
        "public": public.hex(),
        "sealed": seal(settings, secret),
        "made_at": now(),
        "retired_at": None,
    }


def _make_ed25519() -> tuple[str, bytes]:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes_raw().hex(), key.public_key().public_bytes_raw()


def _make_sm2() -> tuple[str, bytes]:
    # 1 … n − 2 (GB/T 32918.1, 6.1)
    secret = secrets.randbelow(verify_receipt.SM2_N - 2) + 1
    point = verify_receipt.sm2_times(secret, verify_receipt.SM2_G)
    if point is None:
        raise errors.Damaged(_("a signature that was just made does not verify"))
    return f"{secret:064x}", b"".join(part.to_bytes(32, "big") for part in point)


def _sign_ed25519(secret: str, _public: str, message: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret)).sign(message)


def _sign_sm2(secret: str, public: str, message: bytes) -> bytes:
    library = CryptSM2(private_key=secret, public_key=public)
    # It takes a leading "04" of a coordinate for the mark of a point.
    library.public_key = public
    digest = verify_receipt.sm2_digest(bytes.fromhex(public), message)
    while True:
        # Its own nonce comes from a generator that can be foretold.
        nonce = secrets.randbelow(verify_receipt.SM2_N - 1) + 1
        signature = library.sign(digest.to_bytes(32, "big"), f"{nonce:064x}")
        if signature:
            return bytes.fromhex(signature)


_MAKE = {"ed25519": _make_ed25519, "sm2": _make_sm2}
_SIGN = {"ed25519": _sign_ed25519, "sm2": _sign_sm2}
