"""Keep the catalogue's entries: a dataset's name, words and licence."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from .. import errors, permissions
from ..db import Base, Id, insert_new, now
from ..errors import _
from ..people import Organisation, User, clean_line
from ..projects import Project
from .facts import Facts, Openness, check

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
        sa.Index("ix_datasets_created", "created_at", "id"),
        sa.Index("ix_datasets_downloads", "downloads", "id"),
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
    # Facts in the national terms: see facts.py; None is not known.
    openness: Mapped[str] = mapped_column(sa.String(12), default=Openness.OPEN)
    data_level: Mapped[str | None] = mapped_column(sa.String(12))
    rights_basis: Mapped[str | None] = mapped_column(sa.String(20))
    provider: Mapped[str | None] = mapped_column(sa.String(200))
    provider_code: Mapped[str | None] = mapped_column(sa.String(18))
    domain: Mapped[str | None] = mapped_column(sa.String(40))
    update_cycle: Mapped[str | None] = mapped_column(sa.String(20))
    dataset_class: Mapped[str | None] = mapped_column(sa.String(30))
    open_condition: Mapped[str | None]
    # Six digits of GB/T 2260.
    region: Mapped[str | None] = mapped_column(sa.String(6))
    covers_from: Mapped[dt.date | None]
    covers_to: Mapped[dt.date | None]
    contact_name: Mapped[str | None] = mapped_column(sa.String(100))
    contact_email: Mapped[str | None] = mapped_column(sa.String(200))
    resource_code: Mapped[str | None] = mapped_column(sa.String(60))
    # What people said for the datasheet, as a JSON object.
    sheet: Mapped[str | None]
    # Stands for all versions together, for ever; and the name in CKAN's smaller alphabet.
    uid: Mapped[str] = mapped_column(sa.String(36), unique=True)
    ckan_name: Mapped[str] = mapped_column(sa.String(100), unique=True)
    # Title, names, keywords and description in lower case, for search.
    search_text: Mapped[str] = mapped_column(default="")
    downloads: Mapped[int] = mapped_column(default=0)
    # Its newest release; None while nothing is published.
    newest_id: Mapped[int | None] = mapped_column(Id)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    modified_at: Mapped[dt.datetime] = mapped_column(default=now)

    @property
    def full_name(self) -> str:
        """Return `organisation/name`, as clients write it."""
        return f"{self.organisation.slug}/{self.name}"

    @property
    def sheet_values(self) -> dict[str, Any]:
        """Return what people said for the datasheet."""
        return dict(msgspec.json.decode(self.sheet)) if self.sheet else {}

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
    facts: Facts | None = None,
) -> Dataset:
    """Return the dataset of that name in the project's organisation, made or brought up to date.

    Without `facts` those that are there stay; with some, they have to suffice to publish.

    Raises:
        errors.Invalid: a value is not usable, or the name belongs to another project.
    """
    permissions.require(actor, "dataset.publish", project)
    checked_name(name)
    if facts is not None:
        check(facts)
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
    if facts is not None:
        put_facts(dataset, facts)
    dataset.search_text = " ".join(
        [dataset.full_name, dataset.title, dataset.title_en, description, *keywords]
    ).lower()
    session.flush()
    return dataset


def _row(session: Session, project: Project, name: str, title: str, licence: str) -> Dataset:
    """Return the row of that name, made now if it is not there."""
    key = {"organisation_id": project.organisation_id, "name": name}
    query = sa.select(Dataset).filter_by(**key)
    while (found := session.scalar(query)) is None:
        # Another job may be making the same one: whoever is second takes the first one's; or
        # one that is called the same in CKAN's alphabet: then under another name there.
        given = {"project_id": project.id, "title": title, "licence": licence}
        empty = {"title_en": "", "description": "", "search_text": "", "downloads": 0}
        lists = {"keywords": "[]", "task_categories": "[]"}
        times = {"created_at": now(), "modified_at": now()}
        slug = session.get_one(Organisation, project.organisation_id).slug
        ids = {
            "uid": str(uuid.uuid4()),
            "ckan_name": _ckan_name(session, slug, name),
            "openness": Openness.OPEN.value,
        }
        insert_new(session, Dataset, [{**key, **given, **empty, **lists, **times, **ids}])
    return found


def _ckan_name(session: Session, slug: str, name: str) -> str:
    """Choose a name of a–z, 0–9, - and _ that no other dataset has; it is kept, not derived."""
    plain = re.sub(r"[^a-z0-9_-]+|-{2,}", "-", f"{slug}-{name}".lower())[:90]
    taken = set(
        session.scalars(sa.select(Dataset.ckan_name).where(Dataset.ckan_name.startswith(plain)))
    )
    chosen, number = plain, 1
    while chosen in taken:
        number += 1
        chosen = f"{plain}-{number}"
    return chosen


def put_facts(dataset: Dataset, facts: Facts) -> list[str]:
    """Write facts into a dataset; return the names of those that changed."""
    told = asdict(facts)
    told["sheet"] = msgspec.json.encode(dict(facts.sheet)).decode() if facts.sheet else None
    changed = [name for name, value in told.items() if getattr(dataset, name) != value]
    for name in changed:
        setattr(dataset, name, told[name])
    return changed


def facts_of(dataset: Dataset) -> Facts:
    """Return what is said of a dataset besides its words."""
    told = {each.name: getattr(dataset, each.name) for each in fields(Facts)}
    return Facts(**{**told, "sheet": dataset.sheet_values})


def count_download(session: Session, dataset_id: int, times: int = 1) -> None:
    """Count downloads of a dataset."""
    more = sa.update(Dataset).where(Dataset.id == dataset_id)
    session.execute(more.values(downloads=Dataset.downloads + times))
