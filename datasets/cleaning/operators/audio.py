"""Check, measure and change recordings, block by block: nothing of hours lies in memory."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np

from ...errors import Invalid, TooLarge, Unavailable, _
from ...media.recordings import Samples, opened, resampled
from .audio_facts import Measured, measure, speech, within
from .contract import SAME, Apply, Operator, Option, Outcome, Record

UNREADABLE, TOO_LONG = "unreadable", "too_long"
READABLE = {
    UNREADABLE: _("the sound cannot be decoded"),
    TOO_LONG: _("the recording lasts longer than the limit"),
}
LONGEST = 4 * 3600  # seconds that are decoded at most
CHANGED = 3600  # seconds of what is written anew at most: it is held compressed in memory
SPEECH = "audio.speech"
_MOST = Option("most_seconds", "number", float(LONGEST), _("seconds at most"), 0.1, LONGEST)
_MOST_CHANGED = Option("most_seconds", "number", float(CHANGED), _("seconds at most"), 0.1, CHANGED)
_SILENT = Option(
    "silent_below", "number", -50.0, _("silence is below so many dB of full scale"), -99, 0
)
_FORMATS = {"flac": ("FLAC", "PCM_16", "audio/flac"), "wav": ("WAV", "PCM_16", "audio/wav")}


def each_sound(look: Any) -> Apply:
    """Return what looks at a batch record by record; what cannot be read is left out."""

    def apply(records: Sequence[Record], options: Mapping[str, Any]) -> list[Outcome]:
        return [_looked(record, options) for record in records]

    def _looked(record: Record, options: Mapping[str, Any]) -> Outcome:
        try:
            if record.open is None:
                raise Invalid(_("the file holds no sound"))
            with record.open() as stream:
                outcome: Outcome = look(stream, options)
                return outcome
        except TooLarge as fault:
            return Outcome(reason=TOO_LONG, facts={"fault": str(fault)[:200]})
        except Invalid as fault:
            return Outcome(reason=UNREADABLE, facts={"fault": str(fault)[:200]})

    return apply


def facts_of(found: Measured) -> dict[str, Any]:
    """Return what is written down of every recording."""
    return {
        "seconds": round(found.seconds, 3),
        "rate": found.rate,
        "channels": found.channels,
    }


def _decode(stream: BinaryIO, options: Mapping[str, Any]) -> Outcome:
    found = measure(stream, options["most_seconds"])
    reason = "too_short" if found.seconds < options["least_seconds"] else ""
    return Outcome(reason=reason, facts=facts_of(found))


def _measure(stream: BinaryIO, options: Mapping[str, Any]) -> Outcome:
    found = measure(stream, options["most_seconds"])
    ratio = found.noise_ratio
    return Outcome(
        facts={
            **facts_of(found),
            "peak": round(found.peak, 4),
            "level_db": round(found.loudness, 1),
            "silence_share": round(found.silence(options["silent_below"]), 4),
            "clipping_share": round(found.clipped, 6),
            "snr_db": None if ratio is None else round(ratio, 1),
        }
    )


def _silence(stream: BinaryIO, options: Mapping[str, Any]) -> Outcome:
    found = measure(stream, options["most_seconds"])
    share = round(found.silence(options["silent_below"]), 4)
    reason = "silent" if share > options["most_share"] else ""
    return Outcome(reason=reason, facts={**facts_of(found), "silence_share": share})


def _clipping(stream: BinaryIO, options: Mapping[str, Any]) -> Outcome:
    found = measure(stream, options["most_seconds"])
    reason = "clipped" if found.clipped > options["most_share"] else ""
    return Outcome(reason=reason, facts={"clipping_share": round(found.clipped, 6)})


def speech_outcome(
    stretches: Sequence[tuple[float, float]], seconds: float, options: Mapping[str, Any]
) -> Outcome:
    """Return what becomes of a recording in which these stretches hold speech."""
    spoken = sum(end - start for start, end in stretches)
    share = spoken / seconds if seconds else 0.0
    facts = {
        "speech_seconds": round(spoken, 2),
        "speech_share": round(share, 4),
        "speech": [[round(start, 2), round(end, 2)] for start, end in stretches[:200]],
    }
    return Outcome(reason="no_speech" if share < options["least_share"] else "", facts=facts)


def _speech(stream: BinaryIO, options: Mapping[str, Any]) -> Outcome:
    if options["method"] == "network":
        raise Unavailable(_("recordings are listened to by workers only"))
    found = measure(stream, options["most_seconds"])
    return speech_outcome(speech(found.levels), found.seconds, options)


def _trim(stream: BinaryIO, options: Mapping[str, Any]) -> Outcome:
    found = measure(stream, options["most_seconds"])
    loud = np.flatnonzero(found.levels >= options["silent_below"])
    if not len(loud):
        return Outcome(reason="silent", facts=facts_of(found))
    frame, margin = round(found.rate * 0.02), round(found.rate * options["margin"])
    length = round(found.seconds * found.rate)
    start = max(int(loud[0]) * frame - margin, 0)
    end = min((int(loud[-1]) + 1) * frame + margin, length)
    if end - start == length:
        return SAME
    stream.seek(0)
    with opened(stream, options["most_seconds"]) as recording:
        blocks = recording.blocks(options["most_seconds"])
        content = _written(
            within(blocks, start, end), found.rate, found.channels, options["format"]
        )
    facts = {**facts_of(found), "seconds": round((end - start) / found.rate, 3)}
    kind = _FORMATS[options["format"]][2]
    return Outcome(content=content, content_type=kind, facts=facts)


def _resample(stream: BinaryIO, options: Mapping[str, Any]) -> Outcome:
    with opened(stream, options["most_seconds"]) as recording:
        mono = options["mono"] and recording.channels > 1
        if recording.rate == options["rate"] and not mono:
            return SAME
        channels = 1 if mono else recording.channels
        blocks: Iterable[Samples] = recording.blocks(options["most_seconds"])
        if mono:
            blocks = (block.mean(axis=1, keepdims=True, dtype=np.float32) for block in blocks)
        made = resampled(blocks, recording.rate, options["rate"])
        content = _written(made, options["rate"], channels, options["format"])
    facts = {"rate": options["rate"], "channels": channels}
    kind = _FORMATS[options["format"]][2]
    return Outcome(content=content, content_type=kind, facts=facts)


def _written(blocks: Iterable[Samples], rate: int, channels: int, form: str) -> bytes:
    """Return blocks as a file of 16 bits a sample; raise Invalid where there is no sound."""
    import soundfile

    out = io.BytesIO()
    container, subtype, _kind = _FORMATS[form]
    count = 0
    with soundfile.SoundFile(out, "w", rate, channels, subtype, format=container) as file:
        for block in blocks:
            file.write(np.clip(block, -1.0, 1.0))
            count += len(block)
    if not count:
        raise Invalid(_("the file holds no sound"))
    return out.getvalue()


_FORMAT = Option(
    "format", "choice", "flac", _("written as (16 bits a sample)"), choices=tuple(_FORMATS)
)
_SILENT_REASON = {"silent": _("the recording is silent")}

AUDIO = (
    Operator(
        "audio.decode",
        1,
        "audio",
        _("Sound: decode completely, length"),
        "drop",
        each_sound(_decode),
        (Option("least_seconds", "number", 0.1, _("seconds at least"), 0, LONGEST), _MOST),
        {**READABLE, "too_short": _("the recording is too short")},
    ),
    Operator(
        "audio.measure",
        1,
        "audio",
        _("Sound: measure level, silence, clipping and noise"),
        "measure",
        each_sound(_measure),
        (_SILENT, _MOST),
        READABLE,
    ),
    Operator(
        "audio.silence",
        1,
        "audio",
        _("Sound: leave out silent recordings"),
        "drop",
        each_sound(_silence),
        (Option("most_share", "number", 0.9, _("share of silence at most"), 0, 1), _SILENT, _MOST),
        {**READABLE, **_SILENT_REASON},
    ),
    Operator(
        "audio.clipping",
        1,
        "audio",
        _("Sound: leave out clipped recordings"),
        "drop",
        each_sound(_clipping),
        (Option("most_share", "number", 0.01, _("share of clipped samples at most"), 0, 1), _MOST),
        {**READABLE, "clipped": _("the recording is clipped")},
    ),
    Operator(
        SPEECH,
        1,
        "audio",
        _("Sound: leave out recordings without speech"),
        "drop",
        each_sound(_speech),
        (
            Option("least_share", "number", 0.05, _("share of speech at least"), 0, 1),
            Option(
                "method",
                "choice",
                "energy",
                _("by energy (any sound that stands out), or by a network (speech alone)"),
                choices=("energy", "network"),
            ),
            _MOST,
        ),
        {**READABLE, "no_speech": _("nobody speaks in it")},
    ),
    Operator(
        "audio.trim",
        1,
        "audio",
        _("Sound: cut silence off both ends"),
        "change",
        each_sound(_trim),
        (
            _SILENT,
            Option("margin", "number", 0.1, _("seconds of silence that stay"), 0, 10),
            _FORMAT,
            _MOST_CHANGED,
        ),
        {**READABLE, **_SILENT_REASON},
    ),
    Operator(
        "audio.resample",
        1,
        "audio",
        _("Sound: another sampling rate, one channel"),
        "change",
        each_sound(_resample),
        (
            Option("rate", "whole", 16_000, _("samples a second"), 4_000, 192_000),
            Option("mono", "flag", True, _("one channel, the mean of all")),
            _FORMAT,
            _MOST_CHANGED,
        ),
        READABLE,
    ),
)
