"""Keep the projects themselves: create, find, list, change and hide them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from .. import audit, errors, labels, permissions, webhooks
from ..db import Base, Id, now
from ..errors import _
from ..people import Organisation, Role, User, clean_line
from . import options as project_options

LONGEST_DESCRIPTION, LONGEST_INSTRUCTION = 10_000, 50_000  # characters
MOST_ANNOTATIONS = 100  # people who answer one task


class Project(Base):
    """A dataset in the making: tasks that share one labelling config."""

    __tablename__ = "projects"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    title: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    instruction: Mapped[str] = mapped_column(default="")
    label_config: Mapped[str]
    parsed_label_config: Mapped[str]
    organisation_id: Mapped[int] = mapped_column(sa.ForeignKey("organisations.id"), index=True)
    organisation: Mapped[Organisation] = relationship(
        foreign_keys=[organisation_id], lazy="joined", innerjoin=True
    )
    # The annotation company that works on it; its people see the project too.
    vendor_id: Mapped[int | None] = mapped_column(sa.ForeignKey("organisations.id"), index=True)
    maximum_annotations: Mapped[int] = mapped_column(default=1)
    # JSON: what Label Studio's API says of a project and our domain does not ask.
    options: Mapped[str] = mapped_column(default="{}")
    # JSON: control → paths of labels that people added; kept by `added_labels`.
    added_labels: Mapped[str] = mapped_column(default="{}")
    # The number within the project that the newest task got.
    last_inner_id: Mapped[int] = mapped_column(default=0)
    # The newest version of its guideline; None where none was published.
    guideline_version: Mapped[int | None]
    # Whether a task of it was ever meant for a team or company: else nobody looks for such.
    gives_to_groups: Mapped[bool] = mapped_column(default=False)
    created_by: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    deleted_at: Mapped[dt.datetime | None]

    @property
    def config(self) -> labels.LabelConfig:
        """Return the parsed labelling config, with the labels that people added."""
        return _parsed(self.parsed_label_config, self.added_labels)

    @property
    def shown_config(self) -> str:
        """Return the labelling config that the editor gets: with the labels that people added."""
        if self.added_labels == "{}":
            return self.label_config
        return labels.extended(self.label_config, msgspec.json.decode(self.added_labels))

    @property
    def option_values(self) -> dict[str, Any]:
        """Return every option of Label Studio's API, defaults in place."""
        found = {name: default for name, (default, _check) in project_options.OPTIONS.items()}
        found |= _decoded(self.options)
        return {name: found[name] for name in found if name not in project_options.OWN}

    def option(self, name: str) -> Any:
        """Return one option, its default where it was never set."""
        return _decoded(self.options).get(name, project_options.OPTIONS[name][0])

    @property
    def data_keys(self) -> tuple[str, ...]:
        """Return the data keys that the config shows, in its order."""
        return self.config.data_keys


def create(
    session: Session,
    actor: User,
    *,
    title: str,
    label_config: str,
    description: str = "",
    instruction: str = "",
    organisation: Organisation | None = None,
    vendor: Organisation | None = None,
    maximum_annotations: int = 1,
    options: Mapping[str, Any] | None = None,
) -> Project:
    """Create a project of the actor's organisation (or, for an administrator, of another).

    Raises:
        errors.Invalid: the title is empty, an option is not usable, or the config has
            problems, all of them listed.
        errors.Forbidden: the actor may not create projects, or not for that organisation.
    """
    permissions.require(actor, "project.create")
    owner = organisation or actor.organisation
    if owner.id != actor.organisation_id and actor.role != Role.PLATFORM_ADMIN:
        raise errors.Forbidden(_("only an administrator creates projects for other organisations"))
    config = _config(label_config)
    project = Project(
        title=clean_line(title, "title", 200),
        description=description[:LONGEST_DESCRIPTION],
        instruction=instruction[:LONGEST_INSTRUCTION],
        options=_encoded(project_options.merged({}, options or {})),
        label_config=label_config,
        parsed_label_config=config.to_json(),
        organisation_id=owner.id,
        vendor_id=None if vendor is None else vendor.id,
        maximum_annotations=_overlap(maximum_annotations),
        created_by=actor.id,
    )
    project.organisation = owner
    session.add(project)
    session.flush()
    audit.record(session, actor, "project.create", f"project/{project.id}", title=project.title)
    webhooks.emit(session, project, "PROJECT_CREATED")
    return project


def get(session: Session, user: User | None, project_id: int, action: str) -> Project:
    """Return a project for somebody who wants to do `action` there.

    Raises:
        errors.NotFound: there is none, or not for this person.
        errors.Forbidden: their role does not have the right.
    """
    if user is None:
        raise errors.NotSignedIn(_("please sign in first"))
    project = session.get(Project, project_id)
    if project is None or project.deleted_at is not None or not permissions.sees(user, project):
        raise errors.NotFound(_("there is no project %(id)s"), id=project_id)
    permissions.require(user, action, project)
    return project


def find(session: Session, actor: User, reference: str) -> Project:
    """Return the project of that number or exact title that the actor sees.

    Raises:
        errors.NotFound: there is none.
        errors.Invalid: several have that title; the message lists their numbers.
    """
    if reference.isascii() and reference.isdigit() and len(reference) < 18:
        return get(session, actor, int(reference), "project.read")
    named = [p for p in visible(session, actor, title=reference, limit=10)]
    if not named:
        raise errors.NotFound(_("there is no project “%(title)s”"), title=reference[:80])
    if len(named) > 1:
        raise errors.Invalid(
            _("several projects are called “%(title)s”: use a number: %(ids)s"),
            title=reference[:80],
            ids=", ".join(str(p.id) for p in named),
        )
    return named[0]


def visible(
    session: Session,
    actor: User,
    *,
    title: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[Project]:
    """List the projects that the actor's organisation owns or works on, newest first."""
    query = _seen(actor)
    if title is not None:
        query = query.where(Project.title == title)
    if before is not None:
        query = query.where(Project.id < before)
    return list(session.scalars(query.order_by(Project.id.desc()).limit(limit)))


@dataclass(frozen=True)
class Wanted:
    """Which projects a list is to hold; None stands for no condition."""

    title: str | None = None
    search: str | None = None
    ids: Sequence[int] | None = None
    pinned: bool | None = None


ORDERINGS: dict[str, Any] = {
    "id": Project.id,
    "title": Project.title,
    "created_at": Project.created_at,
    "created_by": Project.created_by,
}


def listing(
    session: Session,
    actor: User,
    wanted: Wanted,
    *,
    ordering: str = "-id",
    offset: int = 0,
    limit: int = 30,
) -> tuple[int, list[Project]]:
    """Return how many projects the actor sees of those wanted, and one page of them.

    Raises:
        errors.Invalid: `ordering` is not one of ORDERINGS, with or without a minus.
    """
    column = ORDERINGS.get(ordering.removeprefix("-"))
    if column is None:
        names = ", ".join(f"{name}, -{name}" for name in ORDERINGS)
        raise errors.Invalid(_("must be one of %(names)s"), place="ordering", names=names)
    query = _wanted(_seen(actor), wanted)
    number = session.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0
    falls = ordering.startswith("-")
    order = (column.desc(), Project.id.desc()) if falls else (column, Project.id)
    return number, list(session.scalars(query.order_by(*order).offset(offset).limit(limit)))


def _seen(actor: User) -> sa.Select[Project]:
    permissions.require(actor, "project.read")
    query = sa.select(Project).where(Project.deleted_at.is_(None))
    if actor.role == Role.PLATFORM_ADMIN:
        return query
    home = actor.organisation_id
    return query.where(sa.or_(Project.organisation_id == home, Project.vendor_id == home))


def _wanted(query: sa.Select[Project], wanted: Wanted) -> sa.Select[Project]:
    if wanted.title:
        query = query.where(Project.title.icontains(wanted.title, autoescape=True))
    if wanted.search:
        found = (Project.title, Project.description)
        query = query.where(
            sa.or_(*(text.icontains(wanted.search, autoescape=True) for text in found))
        )
    if wanted.ids is not None:
        query = query.where(Project.id.in_(wanted.ids))
    if wanted.pinned is not None:
        is_pinned = Project.options.contains('"pinned_at":')
        query = query.where(is_pinned if wanted.pinned else ~is_pinned)
    return query


def change(
    session: Session,
    actor: User,
    project: Project,
    *,
    title: str | None = None,
    description: str | None = None,
    instruction: str | None = None,
    label_config: str | None = None,
    vendor: Organisation | None = None,
    options: Mapping[str, Any] | None = None,
    has_work: bool = False,
) -> None:
    """Change a project's texts, company, config or options.

    Raises:
        errors.Invalid: a value is not usable.
        errors.Refused: the config would drop a control or label while `has_work` says that
            people have already used it.
    """
    permissions.require(actor, "project.change", project)
    changed: dict[str, Any] = {}
    if title is not None:
        project.title = changed["title"] = clean_line(title, "title", 200)
    if description is not None:
        project.description = changed["description"] = description[:LONGEST_DESCRIPTION]
    if instruction is not None:
        project.instruction = instruction[:LONGEST_INSTRUCTION]
        changed["instruction"] = True
    if vendor is not None:
        project.vendor_id = changed["vendor"] = vendor.id
    if options:
        project.options = _encoded(project_options.merged(_decoded(project.options), options))
        changed["options"] = sorted(options)
    if label_config is not None and label_config != project.label_config:
        _change_config(project, label_config, has_work)
        changed["label_config"] = True
    audit.record(session, actor, "project.change", f"project/{project.id}", **changed)
    webhooks.emit(session, project, "PROJECT_UPDATED")


def set_option(project: Project, name: str, value: Any) -> None:
    """Set one option of a project; whoever calls writes down why.

    Raises:
        errors.Invalid: the value is not usable.
    """
    project.options = _encoded(project_options.merged(_decoded(project.options), {name: value}))


def _change_config(project: Project, label_config: str, has_work: bool) -> None:
    config = _config(label_config)
    lost = _lost(project.config, config) if has_work else []
    if lost:
        raise errors.Refused(
            _("annotations exist, so the config cannot lose: %(lost)s"),
            place="label_config",
            lost=", ".join(lost),
        )
    project.label_config, project.parsed_label_config = label_config, config.to_json()


def _config(text: str) -> labels.LabelConfig:
    try:
        return labels.parse(text)
    except errors.Invalid as problem:
        problem.place = problem.place or "label_config"
        raise


def delete(session: Session, actor: User, project: Project) -> None:
    """Hide a project; its versions and what was published stay."""
    permissions.require(actor, "project.change", project)
    project.deleted_at = now()
    audit.record(session, actor, "project.delete", f"project/{project.id}")
    webhooks.emit(session, project, "PROJECT_DELETED")


@lru_cache(maxsize=256)
def _parsed(text: str, added: str) -> labels.LabelConfig:
    config = labels.LabelConfig.from_json(text)
    return config if added == "{}" else config.with_added(msgspec.json.decode(added))


def _overlap(number: int) -> int:
    if not isinstance(number, int) or not 1 <= number <= MOST_ANNOTATIONS:
        raise errors.Invalid(
            _("must be a whole number from %(lowest)s to %(highest)s"),
            place="maximum_annotations",
            lowest=1,
            highest=MOST_ANNOTATIONS,
        )
    return number


@lru_cache(maxsize=256)
def _decoded(text: str) -> dict[str, Any]:
    return dict(msgspec.json.decode(text))


def _encoded(options: dict[str, Any]) -> str:
    return msgspec.json.encode(options, order="sorted").decode()


def _lost(old: labels.LabelConfig, new: labels.LabelConfig) -> list[str]:
    kept = {control.name: control for control in new.controls}
    lost = []
    for control in old.controls:
        if control.name not in kept or kept[control.name].tag != control.tag:
            lost.append(control.name)
            continue
        lost += [
            f"{control.name}: {label}"
            for label in control.labels
            if label not in kept[control.name].labels
        ]
    return lost
