"""Run somebody's ONNX file in a process of its own, with little memory and time: a program.

Whoever started it asks over standard input and reads standard output; both carry messages of a
JSON header and raw bytes. It may end at any moment, by a limit or by what the file does to it:
nothing but the question at hand is lost. It knows nothing of the house and imports nothing of it.
"""

from __future__ import annotations

import ast
import json
import os
import resource
import signal
import struct
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

# Operators of the standard and those that onnxruntime itself adds when it optimises and quantises.
DOMAINS = {"", "ai.onnx", "ai.onnx.ml", "com.microsoft"}
MOST_ANSWER_BYTES = 256 * 1024**2
LONGEST_NAMES = 500_000  # characters of the file's list of classes
TYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(uint8)": "uint8",
}


class Unusable(Exception):
    """The file cannot be used: a word that the other side knows, and what it is about."""


def main() -> None:
    """Answer one question after the other until nobody asks any more."""
    asked, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # What libraries print goes nowhere.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    session: Any = None
    while (message := receive(asked)) is not None:
        header, content = message
        # The kernel ends us then, whatever we are doing and whoever still waits.
        signal.setitimer(signal.ITIMER_REAL, float(header["seconds"]))
        try:
            if header["do"] == "open":
                limit(int(header["memory"]))
                session, told = opened(content, int(header["threads"]))
                payload: list[bytes] = []
            else:
                told, payload = run(session, header, content)
        except Unusable as problem:
            told, payload = {"problem": problem.args[0], "detail": problem.args[1]}, []
        except MemoryError:
            told, payload = {"problem": "memory", "detail": ""}, []
        except Exception as problem:
            # Whatever it is, the other side is told.
            word = "memory" if "alloc" in str(problem).lower() else "failed"
            told, payload = {"problem": word, "detail": str(problem)[:1000]}, []
        signal.setitimer(signal.ITIMER_REAL, 0)
        send(answers, told, payload)


def limit(memory: int) -> None:
    """Let this process have so many bytes of memory, and write no file."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def opened(content: bytes, threads: int) -> tuple[Any, dict[str, Any]]:
    """Return a session for a file, and what the file says of itself.

    Raises:
        Unusable: it is no ONNX file, or one that reaches beyond itself.
    """
    import onnxruntime

    metadata = examined(content)
    onnxruntime.set_default_logger_severity(4)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that wait give the processor to others.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])
    except MemoryError:
        raise
    except Exception as problem:
        word = "memory" if "alloc" in str(problem).lower() else "unopened"
        raise Unusable(word, str(problem)[:1000]) from problem
    taken = session.get_inputs()
    if len(taken) != 1 or taken[0].type not in TYPES or len(taken[0].shape) != 4:
        shown = ", ".join(f"{one.name} {one.type} {one.shape}" for one in taken[:5])
        raise Unusable("inputs", shown)
    told = {
        "input": {"shape": taken[0].shape, "type": TYPES[taken[0].type]},
        "metadata": metadata,
    }
    return session, told


def examined(content: bytes) -> dict[str, Any]:
    """Return what a file says of itself, after a look at all of its parts.

    Raises:
        Unusable: it is no ONNX file, wants data from other files, or foreign operators.
    """
    import onnx

    try:
        model = onnx.load_model_from_string(content)
    except Exception as problem:
        raise Unusable("not_onnx", str(problem)[:200]) from problem
    if not model.graph.node or not model.opset_import:
        raise Unusable("not_onnx", "")
    own = {(function.domain, function.name) for function in model.functions}
    for part in parts(model):
        kind = type(part).__name__
        if kind == "TensorProto" and (part.data_location or part.external_data):
            raise Unusable("external", part.name[:200])
        if (
            kind == "NodeProto"
            and part.domain not in DOMAINS
            and (part.domain, part.op_type) not in own
        ):
            raise Unusable("operator", f"{part.domain}.{part.op_type}"[:200])
    said = {one.key: one.value for one in model.metadata_props}
    return {
        "names": class_names(said.get("names", "")),
        "task": said.get("task", "")[:40],
        "size": said.get("imgsz", "")[:40],
        "author": said.get("author", "")[:80],
    }


def parts(message: Any) -> Iterator[Any]:
    """List all messages within a message, itself too."""
    waiting = [message]
    while waiting:
        one = waiting.pop()
        yield one
        for field, value in one.ListFields():
            if field.message_type is not None:
                waiting += [value] if hasattr(value, "ListFields") else list(value)


def class_names(text: str) -> dict[str, str]:
    """Return class number → name from the form in which the tools of YOLO write it; it may be
    missing or nonsense."""
    if not 0 < len(text) <= LONGEST_NAMES:
        return {}
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return {}
    pairs = (
        enumerate(found)
        if isinstance(found, list)
        else found.items()
        if isinstance(found, dict)
        else ()
    )
    return {
        str(number): str(name)[:200]
        for number, name in pairs
        if isinstance(number, int) and 0 <= number < 100_000
    }


def run(session: Any, header: dict[str, Any], content: bytes) -> tuple[dict[str, Any], list[bytes]]:
    """Return what the network gives for one input."""
    given = np.frombuffer(content, header["type"]).reshape(header["shape"])
    name = session.get_inputs()[0].name
    outputs = session.run(None, {name: given})
    arrays = [one for one in outputs if isinstance(one, np.ndarray) and one.dtype.kind in "fiu"]
    if sum(one.nbytes for one in arrays) > MOST_ANSWER_BYTES:
        raise Unusable("large", "")
    told = {"outputs": [{"shape": one.shape, "type": one.dtype.str} for one in arrays]}
    return told, [np.ascontiguousarray(one).tobytes() for one in arrays]


def receive(source: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """Return the next message, None where there is none."""
    start = source.read(4)
    if len(start) < 4:
        return None
    header = json.loads(source.read(struct.unpack(">I", start)[0]))
    content = source.read(int(header["bytes"]))
    return (header, content) if len(content) == header["bytes"] else None


def send(target: BinaryIO, told: dict[str, Any], payload: list[bytes]) -> None:
    """Write a message."""
    header = json.dumps({**told, "bytes": sum(map(len, payload))}).encode()
    target.write(struct.pack(">I", len(header)) + header)
    for content in payload:
        target.write(content)
    target.flush()


if __name__ == "__main__":
    main()
