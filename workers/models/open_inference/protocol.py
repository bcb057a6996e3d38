"""Speak the Open Inference Protocol, version 2, over HTTP: readiness, metadata, inference.

After https://github.com/kserve/open-inference-protocol, and Triton's extension for binary
tensors, which follow the JSON in the order of their names there.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import msgspec
import numpy as np
from numpy.typing import NDArray

from ....datasets import errors
from ....datasets.errors import _
from .. import services
from ..interface import Given

KINDS = {
    "BOOL": "bool",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "FP16": "float16",
    "FP32": "float32",
    "FP64": "float64",
}
MOST_TENSORS = 100
LONGEST_TEXT = 10_000  # characters of one text that a service answers


@dataclass(frozen=True)
class Tensor:
    """What a model takes or gives; -1 in the shape stands for any number."""

    name: str
    kind: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Output:
    """What a model gave: numbers, or texts where its kind is BYTES."""

    name: str
    numbers: NDArray[Any] | None = None
    texts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Service:
    """One model of one service; with `binary`, numbers travel as bytes."""

    given: Given = field(repr=False)
    url: str
    model: str
    version: str = ""
    binary: bool = False

    @property
    def path(self) -> str:
        """Return the address of the model."""
        version = f"/versions/{quote(self.version, safe='')}" if self.version else ""
        return f"{self.url}/v2/models/{quote(self.model, safe='')}{version}"

    def tensors(self) -> tuple[list[Tensor], list[Tensor]]:
        """Return what the model takes and what it gives, once the service is ready.

        Raises:
            errors.Refused: it is not, or does not know the model.
        """
        services.ask(self.given, "GET", f"{self.url}/v2/health/ready")
        told = services.decoded(services.ask(self.given, "GET", self.path), self.url)
        try:
            return _tensors(told["inputs"]), _tensors(told["outputs"])
        except (KeyError, TypeError, ValueError) as problem:
            raise errors.Refused(
                _("the service does not say what the model “%(model)s” takes and gives"),
                model=self.model,
            ) from problem

    def infer(self, wanted: Tensor, value: NDArray[np.generic] | Sequence[str]) -> list[Output]:
        """Return what the model gives for one input.

        Raises:
            errors.Refused: the service does not answer as it should.
            errors.Invalid: it says that the input is wrong, or gives what contradicts itself.
        """
        if isinstance(value, np.ndarray):
            shape, bytes_ = list(value.shape), value.tobytes() if self.binary else None
            data: Any = _listed(value)
        else:
            shape, data, bytes_ = [len(value)] + [1] * (len(wanted.shape) - 1), list(value), None
        tensor: dict[str, Any] = {"name": wanted.name, "shape": shape, "datatype": wanted.kind}
        url = f"{self.path}/infer"
        if bytes_ is None:
            answer = services.ask(self.given, "POST", url, {"inputs": [{**tensor, "data": data}]})
        else:
            tensor["parameters"] = {"binary_data_size": len(bytes_)}
            question = {"inputs": [tensor], "parameters": {"binary_data_output": True}}
            header = msgspec.json.encode(question)
            length = {"Inference_Header_Content_Length": str(len(header))}
            answer = services.ask(self.given, "POST", url, header + bytes_, **length)
        return _outputs(answer, self.url)


def _tensors(told: Any) -> list[Tensor]:
    if not isinstance(told, list) or len(told) > MOST_TENSORS:
        raise ValueError("no list of tensors")
    return [
        Tensor(str(one["name"]), str(one["datatype"]), tuple(int(n) for n in one["shape"]))
        for one in told
    ]


def _listed(value: NDArray[np.generic]) -> list[Any]:
    """Return numbers for JSON; six decimals say all that eight bits hold, and half as long."""
    flat: NDArray[Any] = value.reshape(-1)
    if flat.dtype.kind == "f":
        flat = np.round(flat.astype(np.float64), 6)
    listed: list[Any] = flat.tolist()
    return listed


def _outputs(answer: bytes, url: str) -> list[Output]:
    told, rest = _header(answer, url)
    try:
        listed = told["outputs"]
        if not isinstance(listed, list) or len(listed) > MOST_TENSORS:
            raise ValueError("no list of outputs")
        found = []
        for one in listed:
            size = (one.get("parameters") or {}).get("binary_data_size")
            if size is None:
                found.append(_output(one))
            else:
                found.append(_binary(one, rest[: int(size)]))
                rest = rest[int(size) :]
        return found
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as problem:
        raise errors.Invalid(
            _("the service gave outputs whose parts contradict each other")
        ) from problem


def _header(answer: bytes, url: str) -> tuple[Any, bytes]:
    """Return the JSON of an answer and the bytes that follow it."""
    if not answer.rstrip().endswith(b"}") or b'"binary_data_size"' in answer[:100_000]:
        try:
            # One character a byte, so that the end of the JSON is found in bytes.
            _told, end = json.JSONDecoder().raw_decode(answer.decode("latin-1"))
        except (ValueError, RecursionError):
            end = len(answer)
        return services.decoded(answer[:end], url), answer[end:]
    return services.decoded(answer, url), b""


def _output(told: Mapping[str, Any]) -> Output:
    name, kind, data = str(told["name"]), str(told["datatype"]), told["data"]
    if kind == "BYTES":
        texts = np.array(data, dtype=object).reshape(-1).tolist()
        return Output(name, texts=tuple(str(text)[:LONGEST_TEXT] for text in texts))
    # What is no number comes as null from some.
    numbers = np.array(data, np.float64).reshape(-1)
    return Output(name, numbers.reshape(_shape(told, len(numbers))).astype(_kind(kind)))


def _binary(told: Mapping[str, Any], content: bytes) -> Output:
    name, kind = str(told["name"]), str(told["datatype"])
    if kind != "BYTES":
        numbers = np.frombuffer(content, np.dtype(KINDS[kind]).newbyteorder("<"))
        return Output(name, numbers.reshape(_shape(told, len(numbers))))
    texts = []
    while content:
        # Each text after its length in four bytes, the lowest first.
        size = int.from_bytes(content[:4], "little")
        texts.append(content[4 : 4 + size].decode("utf-8", "replace")[:LONGEST_TEXT])
        content = content[4 + size :]
    return Output(name, texts=tuple(texts))


def _shape(told: Mapping[str, Any], size: int) -> tuple[int, ...]:
    shape = tuple(int(side) for side in told["shape"])
    if min(shape, default=0) < 0 or math.prod(shape) != size:
        raise ValueError("shape and data do not fit")
    return shape


def _kind(kind: str) -> str:
    # As whole numbers, NaN could not be told.
    return "float64" if np.dtype(KINDS[kind]).kind != "f" else KINDS[kind]
