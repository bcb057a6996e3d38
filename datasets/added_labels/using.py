"""Find added labels in annotations, and put others in their place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import audit, errors, labels, permissions, webhooks
from ..annotations import Annotation, AnnotationRevision, AnnotationState
from ..db import insert_many, now
from ..errors import _
from ..people import User
from ..projects import Project
from ..tasks import Task
from .rows import AddedLabel, AddedLabelLink

ROWS = 200  # held at once
MOST_REPLACED = 20_000  # annotations in one transaction
LONGEST_WORD = 2000  # characters of a label that is looked for
_decoder = msgspec.json.Decoder(list[Any])


def used(session: Session, links: Sequence[tuple[AddedLabelLink, AddedLabel]]) -> dict[int, int]:
    """Return link id → how many annotations of its project use its label, in one statement.

    Every annotation of the projects that names one of the controls is looked at.
    """
    wanted: dict[tuple[int, str], list[tuple[int, tuple[str, ...]]]] = {}
    for link, label in links:
        place = link.project_id, link.from_name
        wanted.setdefault(place, []).append((link.id, label.path))
    counts = {link.id: 0 for link, _label in links}
    if not wanted:
        return counts
    query = sa.select(Annotation.project_id, Annotation.result).where(
        Annotation.project_id.in_({project for project, _name in wanted}),
        Annotation.is_work,
        sa.or_(*(_names(name) for name in {name for _project, name in wanted})),
    )
    with closing(session.execute(query.execution_options(yield_per=ROWS))) as rows:
        for project_id, result in rows:
            taken: dict[str, set[tuple[str, ...]]] = {}
            for region in _decoder.decode(result):
                taken.setdefault(region.get("from_name"), set()).update(_paths(region))
            for name, paths in taken.items():
                for number, path in wanted.get((project_id, name), ()):
                    counts[number] += path in paths
    return counts


@dataclass(frozen=True)
class Replaced:
    """How many annotations were changed, and how many accepted ones were left as they are."""

    annotations: int
    kept: int


def replace(
    session: Session, actor: User, projects: Sequence[Project], old: Any, new: Any
) -> Replaced:
    """Put one label in the place of another in the annotations of projects.

    Both are labels, or the lists of labels that regions hold, which must then be the same.
    What an annotation was is kept as a revision; accepted annotations stay as they are.

    Raises:
        errors.Invalid: a config does not allow the new label, or one of them is neither.
        errors.Refused: more than MOST_REPLACED annotations would change.
    """
    for place, value in (("old_label", old), ("new_label", new)):
        _check(value, place)
    if isinstance(old, str) != isinstance(new, str):
        raise errors.Invalid(_("must be what the other is: a label or a list"), place="new_label")
    changed = kept = 0
    for project in projects:
        permissions.require(actor, "annotation.change", project)
        numbers = list(_having(session, project, old))
        changed += len(numbers)
        if changed > MOST_REPLACED:
            raise errors.Refused(
                _("more than %(most)s annotations have the label"), most=MOST_REPLACED
            )
        done = sum(
            _replace(session, actor, project, numbers[start : start + ROWS], old, new)
            for start in range(0, len(numbers), ROWS)
        )
        kept += len(numbers) - done
        if done:
            subject = f"project/{project.id}"
            detail = {"old": old, "new": new, "number": done}
            audit.record(session, actor, "label.replace", subject, **detail)
    return Replaced(changed - kept, kept)


def _check(value: Any, place: str) -> None:
    words = _words(value)
    if not words or not all(
        isinstance(word, str) and 0 < len(word) <= LONGEST_WORD and "\0" not in word
        for word in words
    ):
        raise errors.Invalid(_("must be a label or a list of labels"), place=place)


def _words(value: Any) -> list[Any]:
    """Return the labels of a label, of a list of them, or of a list of paths."""
    told = value if isinstance(value, list) else [value]
    return [each for item in told for each in (item if isinstance(item, list) else [item])]


def _names(word: str) -> sa.ColumnElement[bool]:
    """Tell that a result holds a text; only what it finds needs to be read."""
    return Annotation.result.contains(msgspec.json.encode(word).decode(), autoescape=True)


def _paths(region: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    value = region.get("value") or {}
    told = value.get(region.get("type")) or value.get("labels")
    for item in told if isinstance(told, list) else ():
        yield tuple(item) if isinstance(item, list) else (item,)


def _having(session: Session, project: Project, old: Any) -> Iterator[int]:
    query = (
        sa.select(Annotation.id, Annotation.result)
        .where(Annotation.project_id == project.id, Annotation.is_work, _names(_words(old)[0]))
        .order_by(Annotation.id)
    )
    with closing(session.execute(query.execution_options(yield_per=ROWS))) as rows:
        for number, result in rows:
            if _with(_decoder.decode(result), old, old) is not None:
                yield number


def _with(result: list[dict[str, Any]], old: Any, new: Any) -> list[dict[str, Any]] | None:
    """Return the result with the new label, or None where the old one is not in it."""
    found = False
    for region in result:
        value, kind = region.get("value"), region.get("type")
        if not isinstance(value, dict) or not isinstance(kind, str):
            continue
        for member in (kind, "labels"):
            told = value.get(member)
            if not isinstance(told, list):
                continue
            if told == old:
                value[member], found = new, True
            elif isinstance(old, str) and old in told:
                value[member] = list(dict.fromkeys(new if each == old else each for each in told))
                found = True
    return result if found else None


def _replace(
    session: Session, actor: User, project: Project, numbers: list[int], old: Any, new: Any
) -> int:
    rows = session.execute(
        sa.select(Annotation, Task)
        .join(Task, Task.id == Annotation.task_id)
        .where(Annotation.id.in_(numbers), Annotation.state != AnnotationState.ACCEPTED)
        .order_by(Annotation.id)
        .with_for_update(of=Annotation)
    ).all()
    at = now()
    before = []
    for annotation, task in rows:
        result = _with(annotation.result_values, old, new)
        problems = labels.check_result(project.config, result, data=task.data_values)
        if problems:
            raise errors.Invalid(
                _("the labelling config does not allow this result"),
                place="new_label",
                problems=problems,
            )
        before.append(
            {
                "annotation_id": annotation.id,
                "revision": annotation.revision,
                "result": annotation.result,
                "state": annotation.state,
                "updated_by": annotation.updated_by or annotation.completed_by,
                "ended_at": at,
            }
        )
        annotation.result = msgspec.json.encode(result).decode()
        annotation.revision += 1
        # Who said it stays: else whoever had changed it before might review it.
        annotation.updated_at = at
    insert_many(session, AnnotationRevision, before)
    session.flush()
    webhooks.emit(session, project, "ANNOTATION_UPDATED", [row[0].id for row in rows])
    return len(rows)
