"""Read files that come with labels into items of a project, whatever their format.

Nothing is fetched. What has no labels of a known kind is read as `sources.read` does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from .. import collection, sources
from ..errors import Invalid, Problem, _
from ..media import MediaLimits
from ..projects import Project
from ..sources import Item, Reject, SourceLimits
from . import series
from .context import Context
from .fitting import Fitting
from .making import Making
from .recognising import FORMATS, of_files
from .trees import Files, opened

KEPT_AS = ("annotations", "predictions")


def read(
    path: Path,
    *,
    project: Project,
    limits: SourceLimits,
    media_limits: MediaLimits | None = None,
    format: str = "auto",
    kept_as: str = "annotations",
    name: str = "",
    start_after: int = 0,
    skipped: Counter[str] | None = None,
    notes: list[Problem] | None = None,
) -> Iterator[Item | Reject]:
    """Give items and rejects, numbered from 1, as `sources.read` does, with their labels.

    `notes` gets what was recognised and what a person should know of it.

    Raises:
        Invalid: the format is not known, or the config shows nothing that it could fill.
    """
    if format not in FORMATS:
        raise Invalid(_("there is no format %(name)s"), place="format", name=format[:100])
    if kept_as not in KEPT_AS:
        raise Invalid(_("must be annotations or predictions"), place="as")
    counted: Counter[str] = Counter() if skipped is None else skipped
    told: list[Problem] = [] if notes is None else notes
    chosen = name or path.name
    fitting = Fitting(project.config)
    pixels = media_limits or MediaLimits()
    context, by_hand = None, format != "auto"
    if format != "tasks":
        context = _opened(path, chosen, limits, counted, fitting, pixels, format)
    if format == "auto":
        format = "tasks" if context is None else _recognised(context, fitting)
    told.append(Problem("format", FORMATS[format]))
    if format == "tasks" or context is None:
        yield from sources.read(
            path,
            keys=project.data_keys,
            media_keys=collection.media_keys(project),
            word_keys=collection.word_keys(project),
            limits=limits,
            start_after=start_after,
            skipped=counted,
            name=chosen,
            notes=told,
        )
        return
    context.chosen = by_hand
    reading = Making(context, fitting, project.data_keys, pixels, format, kept_as)
    reading.notes = told
    for number, draft in enumerate(reading.drafts(), 1):
        if number > start_after:
            yield draft(number)


def _opened(
    path: Path,
    name: str,
    limits: SourceLimits,
    skipped: Counter[str],
    fitting: Fitting,
    pixels: MediaLimits,
    format: str,
) -> Context | None:
    """Open the files; what cannot be opened is judged by whoever reads plain files."""
    try:
        files = opened(path, name, limits)
    except Invalid:
        if format != "auto":
            raise
        return None
    return _context(files, limits, skipped, fitting, pixels)


def _recognised(context: Context, fitting: Fitting) -> str:
    found = of_files(context, fitting.object(("Text",)) is not None)
    table = series.table_of(fitting.config)
    if found == "tasks" and table is not None and series.fits(context, table):
        return "series"
    return found


def _context(
    files: Files, limits: SourceLimits, skipped: Counter[str], fitting: Fitting, pixels: MediaLimits
) -> Context:
    tags = {control.tag for control in fitting.config.controls}
    return Context(
        files,
        limits,
        skipped,
        pixels.megapixels * 1_000_000,
        film=fitting.object(("Image",)) is None and fitting.object(("Video",)) is not None,
        choosing="Choices" in tags,
        writing="TextArea" in tags,
        spans="Labels" in tags,
    )
