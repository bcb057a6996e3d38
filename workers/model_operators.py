"""Put into the steps of a recipe what needs networks: the domain only declares such operators."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from ..datasets.cleaning.operators import Outcome, Record
from ..datasets.cleaning.operators.audio import SPEECH, each_sound, speech_outcome
from ..datasets.cleaning.operators.audio_facts import measure, speech
from ..datasets.cleaning.operators.contract import Apply
from ..datasets.cleaning.operators.image_changes import without_metadata
from ..datasets.cleaning.operators.image_checks import each
from ..datasets.cleaning.operators.image_personal import NAME as PERSONAL
from ..datasets.cleaning.stepping import Step
from ..datasets.errors import Invalid, _
from ..datasets.media import edits, metadata, pictures, recordings
from ..datasets.personal_information.pictures import PictureHit, covered
from . import picture_findings
from .models.interface import Interval, Target
from .models.sounds import read_sound
from .models.speech_segments import RATE, SpeechListener, stretches

LONGEST_HEARD = 3600  # seconds that the network listens to: they lie in memory
MOST_TOLD = 100  # hits of one picture that are written down


def with_models(steps: Sequence[Step]) -> list[Step]:
    """Return the steps, those that need networks ready to run."""
    return [
        replace(step, operator=replace(step.operator, apply=APPLY[step.operator.name]))
        if step.operator.name in APPLY
        else step
        for step in steps
    ]


def _personal_information(record: Record, options: Mapping[str, Any]) -> Outcome:
    """Find personal information in a picture and do with it what the options say.

    A treated picture is written anew without metadata and has one frame; one in which nothing
    was found loses its metadata and keeps its pixels, except where it is only reported. Frames
    behind the first are not looked at: `frames_unseen` counts them, and a treated picture has
    none of them left.
    """
    if record.open is None:
        raise Invalid(_("the file is not a picture"))
    with record.open() as stream:
        picture, manner = pictures.upright_in_manner(stream)
        stream.seek(0)
        mark = metadata.generated_mark(stream.read())
    valued = picture_findings.seen_values(
        picture_findings.on_white(picture), options["kinds"], options["least"]
    )
    hits = [hit for hit, _value in valued]
    facts = _facts(hits, manner.frames)
    action = options["action"]
    if action == "report":
        return Outcome(facts=facts)
    if not hits and manner.frames == 1:
        content, content_type = without_metadata(record)
        if content == record.read():
            return Outcome(facts=facts)
        return Outcome(content=content, content_type=content_type, facts=facts)
    treated = covered(np.asarray(picture), hits, action, options["margin"])
    content, content_type = edits.encoded(Image.fromarray(treated), manner, mark)
    return Outcome(content=content, content_type=content_type, facts=facts)


def _facts(hits: Sequence[PictureHit], frames: int) -> dict[str, Any]:
    told: dict[str, Any] = {
        "personal_information": dict(sorted(Counter(hit.kind for hit in hits).items())),
        "detector": picture_findings.DETECTOR,
    }
    if hits:
        told["regions"] = [
            {
                "kind": hit.kind,
                "x": round(hit.x, 1),
                "y": round(hit.y, 1),
                "width": round(hit.width, 1),
                "height": round(hit.height, 1),
                "masked": hit.masked,
                "confidence": hit.confidence,
            }
            for hit in hits[:MOST_TOLD]
        ]
    if frames > 1:
        told["frames_unseen"] = frames - 1
    return told


def _speech(stream: BinaryIO, options: Mapping[str, Any]) -> Outcome:
    """Judge speech by energy, or listen with the network."""
    if options["method"] == "energy":
        found = measure(stream, options["most_seconds"])
        return speech_outcome(speech(found.levels), found.seconds, options)
    with recordings.opened(stream, min(options["most_seconds"], LONGEST_HEARD)):
        stream.seek(0)
        sound = read_sound(stream.read())
    chances, length = _listener().chances(sound)
    spoken = [(start / RATE, end / RATE) for start, end, _chance in stretches(chances, length)]
    return speech_outcome(spoken, length / RATE, options)


@functools.lru_cache(maxsize=1)
def _listener() -> SpeechListener:
    return SpeechListener(Target("sound", Interval, ()))


APPLY: dict[str, Apply] = {
    PERSONAL: each(_personal_information),
    SPEECH: each_sound(_speech),
}
