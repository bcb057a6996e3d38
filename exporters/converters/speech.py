"""Write an ASR manifest: one line a sound with its length and its transcript."""

from __future__ import annotations

import io
import wave
from typing import Any, BinaryIO

import msgspec

from ...datasets.snapshots import Answer, Line, StoredMedium
from ...datasets.storage import ObjectStore
from .archive import Archive
from .reading import Lines


def write(lines: Lines, out: BinaryIO) -> None:
    """Write `manifest.json` and the sounds that are stored here below `audio/`."""
    archive = Archive(out)
    key = next(i.key for i in lines.config.objects if i.tag in ("Audio", "AudioPlus"))
    left_out: list[dict[str, Any]] = []
    rows = io.BytesIO()
    for line in lines.tasks():
        row = _row(lines, line, key)
        if isinstance(row, str):
            left_out.append({"task": line.id, "reason": row})
            continue
        medium = line.media.get(key)
        if medium is not None:
            path = f"audio/{line.id}-{medium.name}"
            archive.medium(path, lines.store, medium.digest)
            row["audio_filepath"] = path
        rows.write(msgspec.json.encode(row) + b"\n")
    archive.text("manifest.json", rows.getvalue())
    archive.end(left_out)


def _row(lines: Lines, line: Line, key: str) -> dict[str, Any] | str:
    answer = line.answer
    text = None if answer is None else _transcript(answer)
    if answer is None or text is None:
        return "there is no transcript"
    seconds = _seconds(answer, line.media.get(key), lines.store)
    if seconds is None:
        return "the length of the sound is not known"
    return {
        "audio_filepath": line.data.get(key),
        "duration": seconds,
        "text": text,
        "annotator": str(answer.completed_by),
    }


def _transcript(answer: Answer) -> str | None:
    """Return the words of an answer; those of parts of the sound in their order."""
    found = [each for each in answer.result if each.get("type") == "textarea"]
    found.sort(key=lambda each: each["value"].get("start") or 0)
    words = [word for each in found for word in each["value"].get("text") or ()]
    return " ".join(words) if words else None


def _seconds(answer: Answer, medium: StoredMedium | None, store: ObjectStore) -> float | None:
    for region in answer.result:
        length = region.get("original_length")
        if isinstance(length, int | float) and length > 0:
            return float(length)
    if medium is None:
        return None
    try:
        with store.open(medium.digest) as stream, wave.open(stream, "rb") as sound:
            return round(sound.getnframes() / sound.getframerate(), 3)
    except (wave.Error, EOFError, ZeroDivisionError):
        return None
