"""Make real rows in few lines: people, projects, tasks, work, versions, releases.

Everything goes through the domain's own functions; only passwords are spared, since hashing
one takes as long as a test may.
"""

from __future__ import annotations

import io
import secrets
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from PIL import Image
from sqlalchemy.orm import Session

from jinbiao.datasets import (
    annotations,
    assignments,
    catalogue,
    collection,
    labels,
    manifests,
    media,
    people,
    projects,
    reviews,
    sources,
)
from jinbiao.datasets.annotations import Annotation
from jinbiao.datasets.exports import WrittenFile
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.people import Organisation, Role, User
from jinbiao.datasets.projects import Project
from jinbiao.datasets.sources import BytesMedia, Item
from jinbiao.datasets.storage import ObjectStore
from jinbiao.datasets.tasks import Task
from jinbiao.datasets.versions import Version

TEXT_CONFIG = """\
<View>
  <Text name="text" value="$text"/>
  <Choices name="tone" toName="text" choice="single">
    <Choice value="好" alias="good"/><Choice value="坏" alias="bad"/>
  </Choices>
</View>
"""
BOX_CONFIG = labels.TEMPLATES["defect_boxes"].config
PICTURE_SIDE = 8
# Of no real organisation; the check character of the code is right.
CREDIT_CODE = "12120000MB0XX00008"
# What has to be said of a dataset before it is published.
FACTS = {
    "provider": "某市某局",
    "provider_code": CREDIT_CODE,
    "domain": "industry",
    "update_cycle": "yearly",
    "openness": "open",
    "data_level": "general",
    "rights_basis": "self_produced",
}
# What somebody says who applies for a dataset under conditions.
APPLICATION: dict[str, Any] = {
    "applicant_type": "legal_person",
    "organisation_name": "某智能科技公司",
    "organisation_code": CREDIT_CODE,
    "contact_name": "李小明",
    "contact_phone": "13800001234",
    "contact_email": "li@example.org",
    "purpose": "训练缺陷检测模型",
    "scenario": "产线质检，算法组五人",
    "requested_items": "全部图片与标注框",
    "access_method": "files",
    "term_days": 30,
    "security_statement": "等保二级备案，专人保管，到期删除",
    "commitment": True,
}
Result = list[dict[str, Any]]


def organisation(session: Session, slug: str = "") -> Organisation:
    """Add an organisation, by chance named unless told."""
    return people.add_organisation(session, slug or f"org-{secrets.token_hex(5)}", "某单位")


def person(
    session: Session,
    role: str = Role.ANNOTATOR,
    home: Organisation | None = None,
    *,
    pseudonym: str = "",
) -> User:
    """Add somebody who can do everything but sign in with a password."""
    name = f"{role}-{secrets.token_hex(4)}"
    user = User(
        username=name,
        name=name,
        role=role,
        organisation=home or organisation(session),
        pseudonym=pseudonym or f"person-{secrets.token_hex(6)}",
        password_hash="",
    )
    session.add(user)
    session.flush()
    return user


@dataclass(frozen=True)
class Team:
    """The people of one organisation and a project of theirs."""

    home: Organisation
    admin: User
    requester: User
    annotator: User
    colleague: User
    reviewer: User
    project: Project


def team(
    session: Session, config: str = TEXT_CONFIG, *, overlap: int = 1, pseudonyms: str = ""
) -> Team:
    """Add an organisation with one person a role, a second annotator, and a project."""
    home = organisation(session)
    roles = (
        Role.PLATFORM_ADMIN,
        Role.REQUESTER,
        Role.ANNOTATOR,
        Role.ANNOTATOR,
        Role.REVIEWER,
    )
    everybody = [
        person(session, role, home, pseudonym=f"{pseudonyms}{place}" if pseudonyms else "")
        for place, role in enumerate(roles)
    ]
    project = projects.create(
        session, everybody[1], title="样例", label_config=config, maximum_annotations=overlap
    )
    return Team(home, *everybody, project)


def texts(*contents: str, start: int = 1, **values: Any) -> list[Item]:
    """Give an item for each text; `values` go into each of them."""
    return [
        Item(number, f"line {number}", f"text-{number}", {"text": content}, **values)
        for number, content in enumerate(contents, start)
    ]


def picture(number: int) -> bytes:
    """Draw a small picture of one colour that tells its number."""
    out = io.BytesIO()
    colour = (number % 256, number // 256 % 256, 160)
    Image.new("RGB", (PICTURE_SIDE, PICTURE_SIDE), colour).save(out, "PNG")
    return out.getvalue()


def pictures(count: int, start: int = 1, *, group_of: int = 0) -> list[Item]:
    """Give items with a drawn picture each; `group_of` in a row share a group."""
    return [
        Item(
            number=number,
            place=f"{number}.png",
            name=f"picture-{number}",
            data={},
            media={"image": BytesMedia(f"{number}.png", picture(number))},
            group=f"group-{number // group_of}" if group_of else "",
        )
        for number in range(start, start + count)
    ]


def tone(answer: str = "good") -> Result:
    """Answer a text."""
    return [
        {
            "id": "tone_1",
            "from_name": "tone",
            "to_name": "text",
            "type": "choices",
            "value": {"choices": [answer]},
        }
    ]


def box(label: str = "scratch", x: float = 1, y: float = 1) -> Result:
    """Answer a picture with one box of 2 × 2 pixels."""
    control = labels.parse(BOX_CONFIG).controls[0]
    return [
        labels.make_box_region(
            control, "image", label, x, y, 2, 2, PICTURE_SIDE, PICTURE_SIDE, region_id="box_1"
        )
    ]


def bring(
    session: Session,
    store: ObjectStore,
    actor: User,
    project: Project,
    items: Iterable[Item],
    import_id: str = "",
) -> list[Task]:
    """Import items the way the import job does and return the tasks in order."""
    import_id = import_id or str(uuid.uuid4())
    prepared, rejected = [], []
    for item in items:
        found = collection.prepare(store, project, item, media.MediaLimits(), {})
        (rejected if isinstance(found, sources.Reject) else prepared).append(found)
    collection.write(session, actor, project, import_id, prepared, rejected)  # type: ignore[arg-type]
    rows = sa.select(Task).where(Task.import_id == import_id).order_by(Task.row)
    return list(session.scalars(rows))


def tasks(installation: Installation, team: Team, number: int) -> list[Task]:
    """Import so many texts, each its own."""
    with installation.database.write() as session:
        items = texts(*(f"文本 {place}" for place in range(number)))
        return bring(session, installation.store, team.requester, team.project, items)


def submitted(
    installation: Installation,
    annotator: User,
    project: Project,
    task: Task,
    result: Result | None = None,
    **values: Any,
) -> Annotation:
    """Submit an answer for a task."""
    with installation.database.write() as session:
        return annotations.submit(
            session,
            installation.settings,
            annotator,
            project,
            session.get_one(Task, task.id),
            tone() if result is None else result,
            **values,
        )


def judged(
    installation: Installation,
    reviewer: User,
    annotation: Annotation,
    verdict: str = "accept",
    **values: Any,
) -> reviews.Review:
    """Judge an annotation."""
    with installation.database.write() as session:
        row, task, project = annotations.get(session, reviewer, annotation.id, "annotation.review")
        return reviews.judge(session, reviewer, project, task, row, verdict, **values)


def accepted(
    installation: Installation,
    team: Team,
    tasks: Sequence[Task],
    answer: Callable[[int], Result] = lambda _place: tone(),
) -> list[Annotation]:
    """Let the annotator answer the tasks and the reviewer accept them."""
    done = []
    with installation.database.write() as session:
        for place, task in enumerate(tasks):
            row = session.get_one(Task, task.id)
            annotation = annotations.submit(
                session,
                installation.settings,
                team.annotator,
                team.project,
                row,
                answer(place),
            )
            reviews.judge(session, team.reviewer, team.project, row, annotation, "accept")
            done.append(annotation)
    return done


def claimed(
    installation: Installation, annotator: User, project: Project
) -> assignments.Assignment | None:
    """Claim the next task."""
    with installation.database.write() as session:
        return assignments.claim(session, installation.settings, annotator, project)


def frozen(installation: Installation, team: Team, **values: Any) -> Version:
    """Freeze what was accepted and return the version, an earlier one if it is the same."""
    database = installation.database
    with database.write() as session:
        values = {"job_id": str(uuid.uuid4()), **values}
        version = manifests.choose(session, team.requester, team.project, **values)
    number = manifests.freeze(
        database, installation.store, version.id, team.requester, lambda *_: None
    )
    with database.read() as session:
        return session.get_one(Version, number)


def facts(**changes: Any) -> catalogue.Facts:
    """Give the facts of a dataset that suffice to publish it."""
    return catalogue.checked_facts({**FACTS, **changes})


def published(
    installation: Installation, team: Team, version: Version, name: str = "tones"
) -> catalogue.Release:
    """Publish a version with a card and one file."""
    files = []
    for path, content in (("README.md", b"# tones\n"), ("data/train.jsonl", b"{}\n")):
        stored = installation.store.put_bytes(content)
        files.append(WrittenFile(path, stored.digest, stored.size))
    with installation.database.write() as session:
        dataset = catalogue.open_dataset(
            session,
            team.requester,
            team.project,
            name,
            title="语气",
            licence="CC-BY-4.0",
            facts=facts(),
        )
        row = session.get_one(Version, version.id)
        return catalogue.publish(session, team.requester, dataset, row, files, card="{}")
