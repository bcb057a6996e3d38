"""Read text files with a box or an outline a line: DeepPCB and DOTA."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath

from ..boards.defects import LABELS
from ..errors import Invalid, Problem, _
from .context import Context, own_lines, parsed
from .things import Box, Fault, Found, Picture, Polygon, Thing

_HEADS = ("imagesource:", "gsd:")
_DEEPPCB = re.compile(r"\s*\d+([ ,]+)\d+\1\d+\1\d+\1[1-6]\s*")
_DOTA = re.compile(r"\s*(?:-?\d+(?:\.\d+)?\s+){8}\S+(?:\s+[012])?\s*")


def has_deeppcb(context: Context) -> bool:
    """Tell whether a tree has pictures `…_test.jpg` with a list of boxes for some."""
    return _first(context, _board_lists(context, _boards(context)), _DEEPPCB)


def has_dota(context: Context) -> bool:
    """Tell whether a tree has folders `labelTxt`."""
    return bool(_first(context, _dota_lists(context), _DOTA))


def deeppcb(context: Context) -> Iterator[Found]:
    """Give the boards: a line is `x1 y1 x2 y2 type`, with spaces or commas between."""
    boards = _boards(context)
    for path in _board_lists(context, boards):
        yield _picture(context, path, boards[PurePosixPath(path).stem], _board_line)


def dota(context: Context) -> Iterator[Found]:
    """Give the pictures: a line is the four corners, the label, and how hard it is to see."""
    for path in _dota_lists(context):
        yield _picture(context, path, PurePosixPath(path).stem, _dota_line)


def _boards(context: Context) -> dict[str, str]:
    found = {}
    for path in context.files.media():
        stem = PurePosixPath(path).stem
        if stem.lower().endswith("_test"):
            found[stem[: -len("_test")]] = path
    return found


def _board_lists(context: Context, boards: Mapping[str, str]) -> list[str]:
    """Return the lists of boards that are there, in folders `…_not` or beside the pictures."""
    return [path for path in context.files.ending(".txt") if PurePosixPath(path).stem in boards]


def _dota_lists(context: Context) -> list[str]:
    return [path for path in context.files.ending(".txt") if "labeltxt" in path.lower()]


def _first(context: Context, paths: list[str], form: re.Pattern[str]) -> bool:
    for path in paths[:20]:
        for line in own_lines(context, path, [])[:10]:
            if line.strip() and not line.lower().startswith(_HEADS):
                return form.fullmatch(line) is not None
    return False


def _picture(
    context: Context, path: str, name: str, read_line: Callable[[list[str], str], Thing]
) -> Picture:
    picture = Picture(name, path)
    for number, line in enumerate(own_lines(context, path, picture.things), 1):
        if not line.strip() or line.lower().startswith(_HEADS):
            continue
        place = f"{path}, line {number}"
        try:
            picture.things.append(read_line(line.replace(",", " ").split(), place))
        except Invalid as wrong:
            reason = Problem(wrong.place, wrong.message, wrong.values)
            picture.things.append(Fault(place, reason))
    return picture


def _board_line(words: list[str], place: str) -> Thing:
    if len(words) != 5:
        raise Invalid(_("a label line is `x1 y1 x2 y2 type`"))
    left, top, right, bottom, kind = (parsed(word, "box") for word in words)
    if kind != int(kind) or not 1 <= kind <= len(LABELS):
        raise Invalid(_("the box is empty or its type is unknown"))
    box = Box(left, top, right - left, bottom - top)
    return Thing(LABELS[int(kind) - 1], (box,), place)


def _dota_line(words: list[str], place: str) -> Thing:
    if len(words) < 9:
        raise Invalid(_("a label line is `x1 y1 x2 y2 x3 y3 x4 y4 label`"))
    flat = [parsed(word, "corners") for word in words[:8]]
    ring = tuple(zip(flat[::2], flat[1::2], strict=True))
    return Thing(words[8], (*_upright(ring), Polygon((ring,))), place)


def _upright(ring: tuple[tuple[float, float], ...]) -> tuple[Box, ...]:
    """Return the box that four corners are, where they are an upright one."""
    across, down = sorted({x for x, _y in ring}), sorted({y for _x, y in ring})
    if len(across) == len(down) == 2 and len(set(ring)) == 4:
        box = Box(across[0], down[0], across[1] - across[0], down[1] - down[0])
        return (box,)
    return ()
