"""Build small ONNX files: networks whose answers are known, and files that mean harm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT


def file(
    nodes: Sequence[Any],
    outputs: Sequence[str],
    *,
    shape: Sequence[int | str] = (1, 3, 64, 64),
    kind: int = FLOAT,
    constants: Mapping[str, NDArray[Any]] | None = None,
    metadata: Mapping[str, str] | None = None,
    opsets: Mapping[str, int] | None = None,
) -> bytes:
    """Return a file that takes `picture` and gives outputs of any shape."""
    graph = helper.make_graph(
        list(nodes),
        "small",
        [helper.make_tensor_value_info("picture", kind, list(shape))],
        [helper.make_tensor_value_info(name, FLOAT, None) for name in outputs],
        [numpy_helper.from_array(value, name) for name, value in (constants or {}).items()],
    )
    known = {"": 17, **(opsets or {})}
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid(name, number) for name, number in known.items()]
    )
    model.ir_version = 8
    helper.set_model_props(model, dict(metadata or {}))
    return bytes(model.SerializeToString())


def constant(*values: NDArray[Any], **more: Any) -> bytes:
    """Return a file that gives the same numbers for every picture."""
    names = [f"given{place}" for place in range(len(values))]
    outputs = [f"output{place}" for place in range(len(values))]
    # A sum with nothing, so that the picture is looked at.
    nodes = [
        helper.make_node("ReduceMean", ["picture"], ["mean"], keepdims=0),
        helper.make_node("Sub", ["mean", "mean"], ["nothing"]),
        *(
            helper.make_node("Add", [name, "nothing"], [output])
            for name, output in zip(names, outputs, strict=True)
        ),
    ]
    given = {name: value.astype(np.float32) for name, value in zip(names, values, strict=True)}
    return file(nodes, outputs, constants=given, **more)


def means(**more: Any) -> bytes:
    """Return a classifier whose numbers are the means of the three channels."""
    nodes = [helper.make_node("ReduceMean", ["picture"], ["output"], axes=[2, 3], keepdims=0)]
    return file(nodes, ["output"], **more)


def red_finder(size: int = 64) -> bytes:
    """Return a YOLO network of two classes that boxes all that is red as the second, surely."""
    nodes = [
        # Channels 0 and 1: from, to, along the axis 1.
        helper.make_node("Slice", ["picture", "zero", "one", "one"], ["red"]),
        helper.make_node("Slice", ["picture", "one", "two", "one"], ["green"]),
        helper.make_node("Sub", ["red", "green"], ["difference"]),
        helper.make_node("Greater", ["difference", "half"], ["is_red"]),
        helper.make_node("Cast", ["is_red"], ["mask"], to=FLOAT),
    ]
    for name, axis in (("x", 2), ("y", 3)):
        nodes += [
            helper.make_node("ReduceMax", ["mask"], [f"along_{name}"], axes=[axis], keepdims=0),
            helper.make_node("Reshape", [f"along_{name}", "flat"], [f"line_{name}"]),
            helper.make_node("ArgMax", [f"line_{name}"], [f"i_{name}"], axis=0, keepdims=1),
            helper.make_node(
                "ArgMax", [f"line_{name}"], [f"j_{name}"], axis=0, keepdims=1, select_last_index=1
            ),
            helper.make_node("Cast", [f"i_{name}"], [f"first_{name}"], to=FLOAT),
            helper.make_node("Cast", [f"j_{name}"], [f"last_{name}"], to=FLOAT),
            helper.make_node("Add", [f"last_{name}", "unit"], [f"end_{name}"]),
            helper.make_node("Sub", [f"end_{name}", f"first_{name}"], [f"length_{name}"]),
            helper.make_node("Add", [f"end_{name}", f"first_{name}"], [f"sum_{name}"]),
            helper.make_node("Mul", [f"sum_{name}", "half"], [f"middle_{name}"]),
        ]
    nodes += [
        helper.make_node(
            "Concat",
            ["middle_x", "middle_y", "length_x", "length_y", "low", "high"],
            ["row"],
            axis=0,
        ),
        helper.make_node("Reshape", ["row", "columns"], ["output"]),
    ]
    constants = {
        "zero": np.array([0]),
        "one": np.array([1]),
        "two": np.array([2]),
        "half": np.array([0.5], np.float32),
        "unit": np.array([1], np.float32),
        "low": np.array([0.1], np.float32),
        "high": np.array([0.9], np.float32),
        "flat": np.array([-1]),
        "columns": np.array([1, 6, 1]),
    }
    return file(nodes, ["output"], shape=(1, 3, size, size), constants=constants)


def endless() -> bytes:
    """Return a file whose loop never ends."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["before"], ["after"]),
            helper.make_node("Add", ["value", "value"], ["more"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("before", TensorProto.BOOL, []),
            helper.make_tensor_value_info("value", FLOAT, []),
        ],
        [
            helper.make_tensor_value_info("after", TensorProto.BOOL, []),
            helper.make_tensor_value_info("more", FLOAT, []),
        ],
    )
    nodes = [
        helper.make_node("ReduceMean", ["picture"], ["mean"], keepdims=0),
        helper.make_node("Loop", ["", "yes", "mean"], ["output"], body=body),
    ]
    return file(nodes, ["output"], constants={"yes": np.array(True)})


def greedy() -> bytes:
    """Return a file that asks for a terabyte."""
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["zeros"]),
        helper.make_node("ReduceMean", ["picture"], ["mean"], keepdims=0),
        helper.make_node("Add", ["zeros", "mean"], ["sum"]),
        helper.make_node("ReduceMean", ["sum"], ["output"], keepdims=1),
    ]
    return file(nodes, ["output"], constants={"shape": np.array([1024, 1024, 1024, 256])})


def reaching_outside(path: str) -> bytes:
    """Return a file whose numbers lie in another file, hidden in a branch of a condition."""
    outside = TensorProto(
        name="stolen", data_type=FLOAT, dims=[1, 3], data_location=TensorProto.EXTERNAL
    )
    outside.external_data.add(key="location", value=path)
    branches = {
        f"{name}_branch": helper.make_graph(
            [helper.make_node("Identity", ["stolen"], [f"{name}_out"])],
            name,
            [],
            [helper.make_tensor_value_info(f"{name}_out", FLOAT, [1, 3])],
            [outside],
        )
        for name in ("then", "else")
    }
    nodes = [
        helper.make_node("If", ["yes"], ["chosen"], **branches),
        helper.make_node("ReduceMean", ["picture"], ["mean"], keepdims=0),
        helper.make_node("Add", ["chosen", "mean"], ["output"]),
    ]
    return file(nodes, ["output"], constants={"yes": np.array(True)})


def with_foreign_operator() -> bytes:
    """Return a file that needs somebody's own operator."""
    nodes = [helper.make_node("Scan9000", ["picture"], ["output"], domain="com.example")]
    return file(nodes, ["output"], opsets={"com.example": 1})


def with_own_function() -> bytes:
    """Return a classifier whose operator is defined in the file itself, as newer exporters do."""
    model = onnx.load_model_from_string(means())
    model.graph.node[0].CopyFrom(
        helper.make_node("Middle", ["picture"], ["output"], domain="local")
    )
    model.functions.append(
        helper.make_function(
            "local",
            "Middle",
            ["x"],
            ["y"],
            [helper.make_node("ReduceMean", ["x"], ["y"], axes=[2, 3], keepdims=0)],
            [helper.make_opsetid("", 17)],
        )
    )
    model.opset_import.append(helper.make_opsetid("local", 1))
    return bytes(model.SerializeToString())
