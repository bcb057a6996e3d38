"""Keep the catalogue's entries: a dataset's name, words and licence."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from .. import errors, permissions
from ..db import Base, Id, insert_new, now
from ..errors import _
from ..people import Organisation, User, clean_line
from ..projects import Project

# SPDX identifiers that agencies use for open data.
LICENCES = (
    "CC-BY-4.0",
    "CC-BY-SA-4.0",
    "CC0-1.0",
    "CC-BY-NC-4.0",
    "CC-BY-NC-SA-4.0",
    "MulanPSL-2.0",
    "Apache-2.0",
    "MIT",
    "ODbL-1.0",
    "PDDL-1.0",
    "other",
)


class Dataset(Base):
    """An entry of the catalogue, `organisation/name`."""

    __tablename__ = "datasets"
    __table_args__ = (
        sa.UniqueConstraint("organisation_id", "name"),
        sa.Index("ix_datasets_modified", "modified_at", "id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    organisation_id: Mapped[int] = mapped_column(sa.ForeignKey("organisations.id"))
    organisation: Mapped[Organisation] = relationship(lazy="joined", innerjoin=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"), index=True)
    name: Mapped[str] = mapped_column(sa.String(96))
    title: Mapped[str]
    title_en: Mapped[str] = mapped_column(default="")
    description: Mapped[str] = mapped_column(default="")
    licence: Mapped[str] = mapped_column(sa.String(40))
    # JSON lists.
    keywords: Mapped[str] = mapped_column(default="[]")
    task_categories: Mapped[str] = mapped_column(default="[]")
    # Title, names, keywords and description in lower case, for search.
    search_text: Mapped[str] = mapped_column(default="")
    downloads: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    modified_at: Mapped[dt.datetime] = mapped_column(default=now)

    @property
    def full_name(self) -> str:
        """Return `organisation/name`, as clients write it."""
        return f"{self.organisation.slug}/{self.name}"

    @property
    def keyword_list(self) -> list[str]:
        """Return the keywords."""
        return list(msgspec.json.decode(self.keywords))

    @property
    def task_category_list(self) -> list[str]:
        """Return the task categories, in Hugging Face's words."""
        return list(msgspec.json.decode(self.task_categories))


def checked_name(name: str) -> str:
    """Return a dataset name if the hub clients accept it.

    Raises:
        errors.Invalid: it does not follow the rules of repository names.
    """
    good = re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,53}[A-Za-z0-9])?", name)
    if not good or "--" in name or ".." in name or name.endswith(".git"):
        raise errors.Invalid(
            _("must be 1 to 55 letters, digits, single - . or _, not “%(name)s”"),
            place="name",
            name=name[:80],
        )
    return name


def open_dataset(
    session: Session,
    actor: User,
    project: Project,
    name: str,
    *,
    title: str,
    title_en: str = "",
    description: str = "",
    licence: str = "CC-BY-4.0",
    keywords: Sequence[str] = (),
    task_categories: Sequence[str] = (),
) -> Dataset:
    """Return the dataset of that name in the project's organisation, made or brought up to date.

    Raises:
        errors.Invalid: a value is not usable, or the name belongs to another project.
    """
    permissions.require(actor, "dataset.publish", project)
    checked_name(name)
    if licence not in LICENCES:
        raise errors.Invalid(
            _("must be one of %(allowed)s"), place="licence", allowed=", ".join(LICENCES)
        )
    title = clean_line(title, "title", 200)
    dataset = _row(session, project, name, title, licence)
    if dataset.project_id != project.id:
        raise errors.Invalid(
            _("“%(name)s” is published from another project"), place="name", name=name
        )
    dataset.title = title
    dataset.title_en = title_en.strip()[:200]
    dataset.description = description[:20_000]
    dataset.licence = licence
    dataset.keywords = msgspec.json.encode(list(keywords)).decode()
    dataset.task_categories = msgspec.json.encode(list(task_categories)).decode()
    dataset.search_text = " ".join(
        [dataset.full_name, dataset.title, dataset.title_en, description, *keywords]
    ).lower()
    session.flush()
    return dataset


def _row(session: Session, project: Project, name: str, title: str, licence: str) -> Dataset:
    """Return the row of that name, made now if it is not there."""
    key = {"organisation_id": project.organisation_id, "name": name}
    query = sa.select(Dataset).filter_by(**key)
    found = session.scalar(query)
    if found is None:
        # Another job may be making the same one: whoever is second takes the first one's.
        given = {"project_id": project.id, "title": title, "licence": licence}
        empty = {"title_en": "", "description": "", "search_text": "", "downloads": 0}
        lists = {"keywords": "[]", "task_categories": "[]"}
        times = {"created_at": now(), "modified_at": now()}
        insert_new(session, Dataset, [{**key, **given, **empty, **lists, **times}])
        found = session.scalars(query).one()
    return found


def count_download(session: Session, dataset_id: int) -> None:
    """Count one download of a dataset."""
    session.execute(
        sa.update(Dataset).where(Dataset.id == dataset_id).values(downloads=Dataset.downloads + 1)
    )
