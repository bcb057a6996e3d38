"""Hash passwords with Argon2 and check them."""

from __future__ import annotations

import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from .. import errors
from ..errors import _

_hasher = PasswordHasher()

# Verified when a user name is unknown, so that the answer takes as long as for a known one.
_NOBODY = _hasher.hash(secrets.token_hex(16))

MINIMUM_PASSWORD = 10


def check_password(password: str) -> str:
    """Return the password if it may be used.

    Raises:
        errors.Invalid: it is too short, too long, or one character over and over.
    """
    if not MINIMUM_PASSWORD <= len(password) <= 256 or len(set(password)) < 4:
        raise errors.Invalid(
            _("must have %(least)s to 256 characters, at least 4 of them different"),
            place="password",
            least=MINIMUM_PASSWORD,
        )
    return password


def hashed(password: str) -> str:
    """Return the Argon2 hash of a password, with its salt and cost."""
    return _hasher.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Tell whether the password belongs to the hash; without a hash it takes as long."""
    try:
        return _hasher.verify(password_hash or _NOBODY, password) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False
