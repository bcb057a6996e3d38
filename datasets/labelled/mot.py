"""Read MOT: `gt/gt.txt` beside the frames of a film, or beside the film itself.

A line is `frame,track,x,y,width,height,confidence,class,visibility`; frames, tracks, classes
and the pixels of x and y count from 1 (motchallenge.net). Classes are named in gt/labels.txt;
where nothing names them they carry their number.
"""

from __future__ import annotations

import configparser
from collections.abc import Iterator

from ..errors import Invalid, Problem, _
from .context import Context, own_lines, parsed
from .cvat import MOST_FRAMES, on_frames
from .things import Box, Fault, Found, Frame, Picture, Thing, Track


def fits(context: Context) -> bool:
    """Tell whether a tree has a `gt/gt.txt`."""
    return bool(_documents(context))


def _documents(context: Context) -> list[str]:
    return [path for path in context.files.paths if f"/{path}".lower().endswith("/gt/gt.txt")]


def read(context: Context) -> Iterator[Found]:
    """Give the film with its tracks, or the frames with what lies on them."""
    for path in _documents(context):
        names = _names(context, path)
        faults, tracks = _tracks(context, path, names)
        yield from faults
        if context.film:
            size, rate, length, wanted = _sequence(context, path)
            films = context.files.media("video")
            name = films[0] if len(films) == 1 else wanted or "film"
            things: list[Thing | Fault] = [
                Thing(label, (Track(tuple(frames), length, rate),), f"{path}, track {number}")
                for (number, label), frames in tracks.items()
            ]
            yield Picture(name, path, things, size=size, film=True)
            continue
        flat: list[Thing | Fault] = [
            Thing(
                label,
                (Track(tuple(Frame(f.number + 1, f.box) for f in frames)),),
                f"{path}, track {number}",
            )
            for (number, label), frames in tracks.items()
        ]
        yield from on_frames(context, path, flat)


def _names(context: Context, path: str) -> list[str]:
    where = path.rpartition("/")[0] + "/labels.txt"
    if where not in context.files.paths:
        return []
    return [line.strip() for line in context.files.text(where).splitlines()]


def _tracks(
    context: Context, path: str, names: list[str]
) -> tuple[list[Fault], dict[tuple[int, str], list[Frame]]]:
    faults: list[Fault] = []
    tracks: dict[tuple[int, str], list[Frame]] = {}
    for number, line in enumerate(own_lines(context, path, faults), 1):
        if not line.strip():
            continue
        try:
            key, frame = _line(line, names, number)
        except Invalid as wrong:
            reason = Problem(wrong.place, wrong.message, wrong.values)
            faults.append(Fault(f"{path}, line {number}", reason))
            continue
        tracks.setdefault(key, []).append(frame)
    for frames in tracks.values():
        frames.sort(key=lambda frame: frame.number)
    return faults, tracks


def _line(line: str, names: list[str], number: int) -> tuple[tuple[int, str], Frame]:
    words = line.split(",")
    if len(words) < 6:
        raise Invalid(
            _("must be frame,track,x,y,width,height,…: %(count)s values"), count=len(words)
        )
    columns = ("frame", "track", "x", "y", "width", "height")
    frame, track, x, y, wide, high = (
        parsed(word, name) for word, name in zip(words, columns, strict=False)
    )
    if not 1 <= frame <= MOST_FRAMES or frame != int(frame):
        raise Invalid(
            _("must be a whole number from 1 to %(limit)s"), place="frame", limit=MOST_FRAMES
        )
    label = ""
    if len(words) > 7:
        kind = int(parsed(words[7], "class"))
        if not names:
            label = str(kind)
        elif 1 <= kind <= len(names):
            label = names[kind - 1]
        else:
            raise Invalid(
                _("there is no class %(number)s: %(count)s are named"),
                place="class",
                number=kind,
                count=len(names),
            )
    # A track of -1 is a detection of its own, whose line tells it from the others.
    key = (int(track) if track >= 0 else -number, label)
    return key, Frame(int(frame) - 1, Box(x - 1, y - 1, wide, high))


def _sequence(context: Context, path: str) -> tuple[tuple[int, int] | None, float, int, str]:
    """Return size, rate, length and name that seqinfo.ini tells."""
    where = "/".join([*path.split("/")[:-2], "seqinfo.ini"])
    if where not in context.files.paths:
        return None, 0.0, 0, ""
    told = configparser.ConfigParser(interpolation=None)
    try:
        told.read_string(context.files.text(where))
        section = told["Sequence"]
        size = section.getint("imWidth", 0), section.getint("imHeight", 0)
        rate, length = section.getfloat("frameRate", 0.0), section.getint("seqLength", 0)
        return size, rate, min(max(length, 0), MOST_FRAMES), section.get("name", "")
    except (configparser.Error, KeyError, ValueError):
        return None, 0.0, 0, ""
