"""Find personal information in texts and pictures; pure functions that keep nothing."""

from .changing import (
    changed,
    fingerprint,
    generalise,
    generalised,
    mask,
    pseudonym,
    pseudonymise,
)
from .finding import DETECTOR, find, find_values, normalised
from .hiding import masked
from .hits import LEAST, Hit
from .kinds import KINDS, TEXT_KINDS, Kind

__all__ = [
    "DETECTOR",
    "KINDS",
    "LEAST",
    "TEXT_KINDS",
    "Hit",
    "Kind",
    "changed",
    "find",
    "find_values",
    "fingerprint",
    "generalise",
    "generalised",
    "mask",
    "masked",
    "normalised",
    "pseudonym",
    "pseudonymise",
]
