"""Prove each published record: canonical receipt, Merkle tree, signatures.

`verify_receipt` is the one file that is handed out; it says what a receipt, its canonical form,
a leaf and a path are, and this package writes with the very functions that it checks with.
"""

from __future__ import annotations

from .keys import ALGORITHMS, SigningKey, current, listed, published, rotate, sign
from .nodes import NodeFile, path
from .statements import (
    LONGEST_KEY,
    NODES,
    RECEIPTS,
    VERIFIER,
    config_digest,
    merkle_root,
    proof,
    statement,
    told_in,
)
from .verify_receipt import CHECKSUM_FILE, RELEASE_FILE, SIGNATURE_FILE, Wrong, check_receipt

__all__ = [
    "ALGORITHMS",
    "CHECKSUM_FILE",
    "LONGEST_KEY",
    "NODES",
    "NodeFile",
    "RECEIPTS",
    "RELEASE_FILE",
    "SIGNATURE_FILE",
    "SigningKey",
    "VERIFIER",
    "Wrong",
    "check_receipt",
    "config_digest",
    "current",
    "listed",
    "merkle_root",
    "path",
    "proof",
    "published",
    "rotate",
    "sign",
    "statement",
    "told_in",
]
