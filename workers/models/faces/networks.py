"""Build the three networks of MTCNN as ONNX graphs from their weights.

K. Zhang, Z. Zhang, Z. Li, Y. Qiao, "Joint Face Detection and Alignment Using Multitask Cascaded
Convolutional Networks", IEEE Signal Processing Letters 23 (2016), as facenet-pytorch has them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .weights import Weights, load

OPSET, IR_VERSION = 13, 8
# What comes after one another in each network, up to its last common layer. conv and dense name
# their weights; pool has size and stride.
_TRUNKS: dict[str, tuple[tuple[Any, ...], ...]] = {
    "p": (("conv", "1"), ("pool", 2, 2), ("conv", "2"), ("conv", "3")),
    "r": (
        *(("conv", "1"), ("pool", 3, 2), ("conv", "2"), ("pool", 3, 2), ("conv", "3")),
        *(("flat",), ("dense", "4")),
    ),
    "o": (
        *(("conv", "1"), ("pool", 3, 2), ("conv", "2"), ("pool", 3, 2), ("conv", "3")),
        *(("pool", 2, 2), ("conv", "4"), ("flat",), ("dense", "5")),
    ),
}
# The layers that give the chance of a face, and how its frame has to be moved.
_HEADS = {"p": ("conv4_1", "conv4_2"), "r": ("dense5_1", "dense5_2"), "o": ("dense6_1", "dense6_2")}


def session(network: str, threads: int = 1) -> Any:
    """Return one of "p", "r", "o" ready to run: pictures in, (chances, moves) out."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        built(network, load(network)), options, providers=["CPUExecutionProvider"]
    )


def built(network: str, weights: Weights) -> bytes:
    """Return a network as an ONNX model: input `seen` (n, 3, height, width)."""
    from onnx import TensorProto, helper, numpy_helper

    nodes: list[Any] = []
    held: dict[str, Any] = {}

    def put(kind: str, name: str, *given: str, **settings: Any) -> str:
        nodes.append(helper.make_node(kind, list(given), [name], **settings))
        return name

    def keep(name: str, values: Any) -> str:
        held[name] = numpy_helper.from_array(np.ascontiguousarray(values, np.float32), name)
        return name

    def layer(kind: str, name: str, now: str) -> str:
        matrix = keep(f"{name}.weight", weights[f"{name}.weight"])
        bias = keep(f"{name}.bias", weights[f"{name}.bias"])
        if kind == "conv":
            return put("Conv", f"{name}.out", now, matrix, bias)
        return put("Gemm", f"{name}.out", now, matrix, bias, transB=1)

    now = "seen"
    for step, (kind, *given) in enumerate(_TRUNKS[network]):
        if kind == "pool":
            size, stride = given
            window = {"kernel_shape": [size] * 2, "strides": [stride] * 2}
            now = put("MaxPool", f"pool{step}", now, ceil_mode=1, **window)
        elif kind == "flat":
            turned = put("Transpose", f"turned{step}", now, perm=[0, 3, 2, 1])
            now = put("Flatten", f"flat{step}", turned, axis=1)
        else:
            now = layer(kind, f"{kind}{given[0]}", now)
            slope = weights[f"prelu{given[0]}.weight"]
            slope = slope.reshape(-1, 1, 1) if kind == "conv" else slope
            now = put("PRelu", f"prelu{step}", now, keep(f"slope{step}", slope))
    chance, move = (layer(name.rstrip("0123456789_"), name, now) for name in _HEADS[network])
    put("Softmax", "chances", chance, axis=1)
    put("Identity", "moves", move)
    sides: list[Any] = ["n", 3, "height", "width"]
    graph = helper.make_graph(
        nodes,
        f"mtcnn_{network}",
        [helper.make_tensor_value_info("seen", TensorProto.FLOAT, sides)],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in ("chances", "moves")],
        list(held.values()),
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = IR_VERSION
    return bytes(model.SerializeToString())
