"""Write the receipts of a version's records, the nodes of their trees, and what verifies them."""

from __future__ import annotations

from pathlib import Path

from ..datasets import receipts
from ..datasets.receipts import verify_receipt
from ..datasets.versions import FrozenVersion
from .output import Output


def write(version: FrozenVersion, output: Output) -> dict[str, str]:
    """Write `receipts/`, at constant memory, and return the root by each hash, in hex.

    Line n of `receipts/receipts.jsonl` is the receipt of record n, to the byte that is hashed.
    """
    config = receipts.config_digest(version)
    with output.file(receipts.RECEIPTS) as lines, output.file(receipts.NODES) as out:
        nodes = receipts.NodeFile(out)
        for line in version.lines():
            receipt = verify_receipt.canonical(verify_receipt.receipt_of(line.encode(), config))
            lines.write(receipt + b"\n")
            nodes.add(receipt)
        roots = nodes.finish()
    output.write(receipts.VERIFIER, verifier())
    return roots


def verifier() -> bytes:
    """Return `verify_receipt.py`, as it is handed out."""
    return Path(verify_receipt.__file__).read_bytes()
