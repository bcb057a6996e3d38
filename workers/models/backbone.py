"""See pictures as a trained network does: the first part of the text detector inside rapidocr.

The detector (PP-OCRv6, Apache-2.0) travels in rapidocr's package. Its backbone, that is all
before its neck, is cut out of the graph once a process. Nothing is downloaded.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...datasets import errors
from ...datasets.errors import _
from . import packaged
from .colours import Colours

Floats = NDArray[np.float32]

PACKAGE, FILE = "rapidocr", "models/PP-OCRv6_det_small.onnx"
STRIDES = (4, 8, 16, 32)  # picture pixels a pixel of each map
MULTIPLE = 32  # the sides of what the network sees are multiples of this
LEAST = 64  # and at least this long


@dataclass(frozen=True)
class Backbone:
    """The network, ready to look; `digest` tells one file of weights from another."""

    session: Any
    channels: tuple[int, ...]
    digest: str

    def maps(self, picture: Colours) -> list[Floats]:
        """Return what is seen at strides 4, 8, 16 and 32, each `(channels, height, width)`.

        The picture is stretched to sides that are multiples of 32, at least 64 pixels.
        """
        height, width = (_fitting(side) for side in picture.shape[:2])
        if picture.shape[:2] != (height, width):
            picture = np.asarray(cv2.resize(picture, (width, height)), np.uint8)
        # The detector was trained on blue, green, red from -1 to 1.
        seen = picture[:, :, ::-1].astype(np.float32) / np.float32(127.5) - np.float32(1)
        fed = {self.session.get_inputs()[0].name: seen.transpose(2, 0, 1)[None]}
        found: list[Floats] = [each[0] for each in self.session.run(None, fed)]
        return found


def pooled(maps: Sequence[Floats]) -> Floats:
    """Return one vector of a picture: mean and spread of every channel of every map."""
    parts: list[Floats] = []
    for each in maps:
        flat = each.reshape(len(each), -1)
        parts += [flat.mean(axis=1), flat.std(axis=1)]
    return np.concatenate(parts)


@functools.lru_cache(maxsize=4)
def backbone(threads: int = 1) -> Backbone:
    """Return the backbone; the first call of a process reads and cuts the file.

    A session computes in `threads` threads. Raises errors.Unavailable where rapidocr is not
    installed, or holds another detector than the one whose shape is known here.
    """
    import onnxruntime

    content = packaged.file_of(PACKAGE, FILE, PACKAGE).read_bytes()
    part = cut(content)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(part, options, providers=["CPUExecutionProvider"])
    blank = np.zeros((1, 3, LEAST, LEAST), np.float32)
    seen = session.run(None, {session.get_inputs()[0].name: blank})
    if [each.shape[2] for each in seen] != [LEAST // stride for stride in STRIDES]:
        raise _unknown()
    digest = hashlib.sha256(content).hexdigest()
    return Backbone(session, tuple(int(each.shape[1]) for each in seen), digest)


def _unknown() -> errors.Unavailable:
    return errors.Unavailable(
        _("the picture network in package %(package)s is not the one known here"), package=PACKAGE
    )


def cut(content: bytes) -> bytes:
    """Return the detector's graph up to the neck, with one output a stage, finest first.

    The neck begins with a convolution a stage whose result goes straight into a global mean
    (a squeeze-and-excitation), and no such mean comes before: where these read is the cut.
    Raises errors.Unavailable for any other graph.
    """
    import onnx

    try:
        model = onnx.load_from_string(content)
    except Exception as problem:  # protobuf's own, from a package that we do not name
        raise _unknown() from problem
    graph = model.graph
    makers = {name: node for node in graph.node for name in node.output}
    pooled_names = {node.input[0] for node in graph.node if node.op_type == "GlobalAveragePool"}
    cuts = []
    for node in graph.node:
        if node.op_type == "Conv" and node.output[0] in pooled_names:
            before = _behind([node.input[0]], makers)
            if not any(each.op_type == "GlobalAveragePool" for each in before):
                cuts.append((len(before), node.input[0]))
    stages = [name for _depth, name in sorted(cuts)]
    if len(stages) != len(STRIDES) or len(set(stages)) != len(STRIDES) or len(graph.input) != 1:
        raise _unknown()
    kept = {node.output[0] for node in _behind(stages, makers)}
    nodes = [node for node in graph.node if node.output[0] in kept]
    used = {name for node in nodes for name in node.input}
    part = onnx.helper.make_graph(
        nodes,
        "backbone",
        list(graph.input),
        [onnx.helper.make_tensor_value_info(s, onnx.TensorProto.FLOAT, None) for s in stages],
        [each for each in graph.initializer if each.name in used],
    )
    shortened = onnx.helper.make_model(part, opset_imports=model.opset_import)
    shortened.ir_version = model.ir_version
    return bytes(shortened.SerializeToString())


def _behind(names: Sequence[str], makers: dict[str, Any]) -> list[Any]:
    """Return every node that the named values are made by, directly or not, each once."""
    found: dict[str, Any] = {}
    waiting = list(names)
    while waiting:
        node = makers.get(waiting.pop())
        if node is not None and node.output[0] not in found:
            found[node.output[0]] = node
            waiting.extend(node.input)
    return list(found.values())


def _fitting(side: int) -> int:
    return max(LEAST, MULTIPLE * round(side / MULTIPLE))
