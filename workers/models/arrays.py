"""Keep what a model learned as plain arrays in sealed bytes: nothing in them can run code."""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...datasets import errors
from ...datasets.errors import _

LARGEST = 256 * 1024 * 1024  # bytes of unpacked weights


def pack(model: str, arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return the model's name, a SHA-256 and an npz without pickle; equal arrays, equal bytes."""
    packed = io.BytesIO()
    np.savez_compressed(packed, allow_pickle=False, **dict(arrays))
    body = packed.getvalue()
    return _head(model) + hashlib.sha256(body).digest() + body


def unpack(model: str, weights: bytes) -> dict[str, NDArray[Any]]:
    """Return what `pack` was given; raises `errors.Damaged` for anything else.

    The digest finds damage, not malice: whoever uses the arrays checks that they fit together.
    """
    head = _head(model)
    digest, body = weights[len(head) : len(head) + 32], weights[len(head) + 32 :]
    if not weights.startswith(head) or hashlib.sha256(body).digest() != digest:
        raise damaged()
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            if sum(member.file_size for member in archive.infolist()) > LARGEST:
                raise errors.Damaged(_("the weights are larger than the model ever writes"))
        with np.load(io.BytesIO(body), allow_pickle=False) as arrays:
            return {name: np.asarray(arrays[name]) for name in arrays.files}
    except (ValueError, OSError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        raise damaged() from error


def damaged() -> errors.Damaged:
    """Return the error for bytes that the model did not write."""
    return errors.Damaged(_("the weights were not written by this model"))


def _head(model: str) -> bytes:
    return f"jinbiao weights of {model}\n".encode()
