"""Read the weights that travel in facenet-pytorch (MIT), without torch.

They are pickles of torch's first format: a magic number, a version, facts of the machine, the
state (names → tensors, whose numbers are only referred to), the keys of the numbers, and the
numbers. Only what such a state is made of may be called: a pickle cannot run anything here.
"""

from __future__ import annotations

import io
import pickle
import struct
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....datasets import errors
from ....datasets.errors import _
from .. import packaged

MODULE, DISTRIBUTION = "facenet_pytorch", "facenet-pytorch"
FILES = {"p": "data/pnet.pt", "r": "data/rnet.pt", "o": "data/onet.pt"}
_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
_MOST = 1 << 22  # numbers of one network

Weights = Mapping[str, NDArray[np.float32]]


def load(network: str) -> Weights:
    """Return the weights of one of FILES by name; raise errors.Unavailable where not installed."""
    return read(packaged.file_of(MODULE, FILES[network], DISTRIBUTION))


def read(path: Path) -> Weights:
    """Return the tensors of a state by name; raise errors.Unavailable for another file."""
    try:
        return _read(path.read_bytes())
    except (pickle.UnpicklingError, EOFError, ValueError, struct.error, LookupError) as problem:
        raise errors.Unavailable(
            _(
                "the installed package %(package)s does not hold %(file)s; "
                "another version is needed"
            ),
            package=DISTRIBUTION,
            file=path.name,
        ) from problem


def _read(content: bytes) -> Weights:
    stream = io.BytesIO(content)
    if _Plain(stream).load() != _MAGIC or _Plain(stream).load() != _PROTOCOL:
        raise ValueError
    if not _Plain(stream).load()["little_endian"]:
        raise ValueError
    state = _Plain(stream).load()
    numbers: dict[str, NDArray[np.float32]] = {}
    for key in _Plain(stream).load():
        (count,) = struct.unpack("<q", stream.read(8))
        if not 0 <= count <= _MOST:
            raise ValueError
        numbers[key] = np.frombuffer(stream.read(4 * count), "<f4")
    return {name: tensor.filled(numbers) for name, tensor in state.items()}


class _Tensor:
    """A tensor before its numbers are read."""

    def __init__(
        self, storage: str, offset: int, shape: tuple[int, ...], steps: tuple[int, ...], *_rest: Any
    ) -> None:
        self._storage, self._offset, self._shape, self._steps = storage, offset, shape, steps

    def filled(self, numbers: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return its numbers in order; a tensor may step through them in another one."""
        if min(self._shape, default=1) < 1 or len(self._shape) != len(self._steps):
            raise ValueError
        places = np.asarray(self._offset)
        for side, step in zip(self._shape, self._steps, strict=True):
            places = places[..., None] + np.arange(side) * step
        return numbers[self._storage].take(places)  # IndexError where it reaches beyond


class _Plain(pickle.Unpickler):
    """Unpickles states: dictionaries of tensors and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """Return what a state may name; refuse anything else."""
        allowed = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _Tensor,
            ("torch._utils", "_rebuild_tensor"): _Tensor,
            ("torch", "FloatStorage"): "float",
        }
        if (module, name) not in allowed:
            raise pickle.UnpicklingError(f"{module}.{name}")
        return allowed[module, name]

    def persistent_load(self, pid: Any) -> str:
        """Return the key under which the numbers of a tensor come later."""
        kind, storage, key, _place, _count, view = pid
        if kind != "storage" or storage != "float" or view is not None:
            raise pickle.UnpicklingError("not a plain tensor")
        return str(key)
