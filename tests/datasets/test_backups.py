"""A backup holds everything, fits either database, and a broken one changes nothing."""

from __future__ import annotations

import io
import stat
import tarfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from jinbiao.datasets import (
    access,
    added_labels,
    assignments,
    audit,
    backups,
    catalogue,
    checksums,
    cleaning,
    clearance,
    comments,
    config_changes,
    consensus,
    discussions,
    downloads,
    exams,
    feeds,
    findings,
    flags,
    gold,
    guidelines,
    holdings,
    imports,
    integrity,
    jobs,
    libraries,
    migrations,
    models,
    opening,
    people,
    projects,
    pushes,
    qualifications,
    quality,
    receipts,
    retention,
    reviews,
    snapshots,
    suggestions,
    suspicions,
    tombstones,
    transfers,
    uploads,
    views,
)
from jinbiao.datasets.annotations import Annotation
from jinbiao.datasets.circuits import Circuit
from jinbiao.datasets.cleaning import recipes
from jinbiao.datasets.db import Database, now
from jinbiao.datasets.errors import Damaged, Invalid, Refused, Unavailable
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.notices import Notice
from jinbiao.datasets.people import openid
from jinbiao.datasets.projects import Project
from jinbiao.datasets.repeats import KeyedAct
from jinbiao.datasets.settings import Settings
from jinbiao.datasets.storage import FolderStorage
from jinbiao.datasets.tasks import Task
from jinbiao.datasets.versions import VersionRecord
from jinbiao.datasets.workers import Worker
from jinbiao.tests import factories
from jinbiao.tests.factories import accepted, frozen, judged, published, submitted, tone


def silent(_done: int, _total: int | None) -> None:
    """Show nothing."""


@pytest.fixture
def full(installation: Installation) -> Installation:
    """Give an installation with a row in every table."""
    with installation.database.write() as session:
        team = factories.team(session)
        boxes = factories.team(session, factories.BOX_CONFIG)
        factories.bring(
            session, installation.store, boxes.requester, boxes.project, factories.pictures(3)
        )
        items = factories.texts("预测", predictions=[{"result": tone()}])
        factories.bring(session, installation.store, team.requester, team.project, items)
        people.add_token(session, team.requester)
        crew = people.add_team(session, team.annotator.organisation, "甲班")
        people.put_in_team(session, team.annotator, crew)
        people.open_session(session, installation.settings, team.requester)
        people.begin_factor(session, installation.settings, team.requester)
        people.renew_recovery_codes(session, team.requester)
        session.add(people.PastPassword(user_id=team.requester.id, password_hash="$"))
        claims = openid.Claims("https://id.example", "甲")
        people.link_identity(session, team.requester, claims)
        jobs.add(session, team.requester, "import", {"名": "值"})
        session.add(KeyedAct(user_id=team.requester.id, key="一", asked="0" * 64))
    made = factories.tasks(installation, team, 3)
    accepted(installation, team, made[:2])
    back = submitted(installation, team.annotator, team.project, made[2], lead_time=0.125)
    judged(installation, team.reviewer, back, "reject", reason="不对\n再看")
    with installation.database.write() as session:
        comments.add(session, team.reviewer, back, "看这里")
        views.add(session, team.requester, team.project, {"title": "一"})
        project = session.get_one(Project, team.project.id)
        asked = [{"act": "add", "control": "tone", "into": ["平"]}]
        steps = config_changes.read(asked, project.config)
        config_changes.request(session, team.requester, project, steps, "新标签")
        project = session.get_one(Project, team.project.id)
        added = added_labels.NewLabel("很好", "very good", "tone")
        added_labels.add(session, team.annotator, project, [added])
        uploads.add(session, team.requester, team.project, "一.csv", "0" * 64, 1)
        snapshots.add(session, team.requester, team.project, "一")
        chosen = models.add(
            session, installation.settings, team.requester, project, kind="ocr", secret="密"
        )
        trained = models.register(
            session, project, name="ocr", version="1", weights_digest="1" * 64, examples=0
        )
        models.use(session, chosen, trained, 0)
        models.fail(session, project, "ocr 1", {made[0].id: Refused("看不清")})
        suggestions.record(session, project, "click_to_mask 1", 0.2)
        guidelines.publish(session, team.requester, project, "# 目标")
        guidelines.acknowledge(session, team.annotator, project, 1)
        rules = exams.Rules(questions=1)
        exams.make(session, team.requester, project, "考", rules, source="accepted")
        exams.start(session, team.colleague, project)
        qualifications.grant(session, team.annotator.id, project, days=0)
        told = {"project_id": team.project.id, "task_id": made[0].id}
        session.add(quality.ComparedTask(**told, people=2, score=0.5))
        session.add(quality.ComparedPair(**told, one_id=1, other_id=2, score=0.5, said="{}"))
        session.add(
            quality.QualityReport(
                project_id=team.project.id, seen_until=now(), config_digest="1" * 64, report="{}"
            )
        )
        session.add(
            consensus.Consensus(
                **told,
                agreement=0.5,
                certainty=0.5,
                people=2,
                methods="{}",
                result="[]",
                annotation_id=back.id,
            )
        )
        known = session.scalars(sa.select(Annotation).where(Annotation.task_id == made[0].id)).one()
        session.add(gold.GoldPlan(project_id=team.project.id, seed="一"))
        (golden, *_rest) = gold.choose(session, team.requester, project, 1)
        met = gold.GoldExposure(
            project_id=team.project.id, gold_id=golden.id, user_id=team.colleague.id
        )
        session.add(met)
        doubt = {
            "task_id": made[0].id,
            "annotation_id": known.id,
            "revision": 1,
            "region_id": "",
            "label": "好",
            "suggested": "坏",
            "score": 0.1,
            "method": "一",
        }
        suspicions.keep(session, project, "0" * 36, [doubt])
        session.add(
            integrity.Finding(
                project_id=team.project.id,
                kind="speed",
                user_id=team.colleague.id,
                chance=0.001,
                adjusted=0.01,
                facts="{}",
            )
        )
        session.add(checksums.ObjectChecksum(digest="1" * 64, size=1, sm3="2" * 64))
        session.add(checksums.ObjectCrc(digest="1" * 64, crc=2**32 - 1))
        session.add(Circuit(name="model/1", reason="没有回答"))
        session.add(Notice(user_id=team.requester.id, kind="model", message="{}"))
        session.add(Worker(name="甲-1", host="甲", process=1))
        task = session.get_one(Task, back.task_id)
        mended = session.get_one(Annotation, back.id)
        reviews.ask_blind(session, team.requester, project, mended, "抽查")
        projects.set_option(project, "review_objections", True)
        reviews.object_to(session, team.annotator, project, task, mended, "没有错")
        reviews.lots.found_fault(session, project, team.annotator.id)
        reviews.lots.drawn(session, project, mended, "first", 50)
        access.add(session, team.requester, project, users=[team.annotator.id])
        flags.add(session, team.annotator, project, made[0], "bad_data", "黑")
        meant = assignments.GroupTask(task_id=made[0].id, open_slots=0, given_by=1)
        meant.project_id = project.id
        place = assignments.QueuePlace(user_id=team.annotator.id, priority=0, task_id=made[0].id)
        place.project_id = project.id
        session.add_all([meant, place])
        job = jobs.add(session, team.requester, "import", {})
        imports.remember(session, team.project, job)
    with installation.database.write() as session:
        receipts.current(session, installation.settings)
    release = published(installation, team, frozen(installation, team))
    with installation.database.write() as session:
        asked = opening.Application(dataset_id=release.dataset_id, owner_id=team.home.id)
        asked.applicant_id = team.annotator.id
        session.add(asked)
        session.flush()
        session.add(opening.ApplicationStep(application_id=asked.id, state="submitted"))
        dataset = session.get_one(catalogue.Dataset, release.dataset_id)
        key, stamp, _none = catalogue.kept_counts(session, None, (), {})
        catalogue.keep_counts(session, key, stamp, {})
        for visitor in (None, team.requester):
            downloads.note(
                session,
                dataset_id=dataset.id,
                release_id=release.id,
                path="README.md",
                visitor=visitor,
                address="192.0.2.1",
                client="hub",
            )
        discussions.open_discussion(session, team.requester, dataset, "一问", "为何")
        record = session.scalars(sa.select(VersionRecord.key)).first()
        stone = tombstones.withdraw(session, team.requester, dataset, str(record), "撤回")
        tombstones.withhold(session, stone, release, {"README.md"})
        told = {"name": "hub", "kind": "hugging_face", "url": "https://hub.example"}
        target = pushes.add(
            session, installation.settings, team.requester, **told, owner="city", token="t"
        )
        push, _job = pushes.ask(session, team.requester, dataset, release, target)
        pushes.note(session, push.id, [("README.md", 8)])
        library = libraries.create(session, team.requester, title="来料")
        text = libraries.PreparedAsset(1, "text", "一", "天津", "3" * 64, 6, None, "{}")
        (asset,) = libraries.write(session, team.requester, library, "4" * 36, [text])
        session.add(libraries.TaskOrigin(task_id=made[0].id, asset_id=asset))
        steps = [{"operator": "text.strip_html"}]
        _recipe, recipe_version = recipes.create(session, team.requester, name="清洗", steps=steps)
        run, _job = cleaning.ask(session, team.requester, library, recipe_version)
        session.add(cleaning.CleanedRecord(cleaning_id=run.id, asset_id=asset, state="kept"))
        holdings.take(session, installation.settings, team.home.id, 6)
        session.add(
            holdings.StorageCount(organisation_id=team.home.id, kind="originals", objects=1, size=6)
        )
        session.add(holdings.UnusedObject(digest="5" * 64, size=1))
        deletion = retention.begin(session, team.admin, "6" * 36, is_dry=False)
        retention.note_deleted(session, deletion.id, [("5" * 64, 1, now())])
        transfers.begin(
            session, installation.settings, team.requester, library, name="一.txt", length=9
        )
        begun_scan = findings.begin(session, team.requester, team.project, "扫描", "text-1")
        (seen,) = findings.look("text", "手机13800138000", b"k")
        findings.keep(session, begun_scan, {made[0].id: [seen]}, {made[0].id})
        looked = {"version_id": release.version_id, "position": 0, "records": 0, "told": 0}
        session.add(clearance.VersionSearch(detector="text-2", **looked))
        told = {"kind": seen.kind, "place": seen.place, "masked": seen.masked}
        session.add(
            clearance.VersionFinding(
                version_id=release.version_id,
                task_id=made[0].id,
                fingerprint=str(seen.fingerprint),
                **told,
            )
        )
        findings.withhold(session, team.project, ["5" * 64])
        listed = {"addresses": ["https://feed.example/a.txt"]}
        feed = feeds.add(
            session, installation.settings, team.requester, team.project, "addresses", listed
        )
        begun, _job = feeds.ask(session, team.requester, feed)
        feeds.note_seen(session, begun, [feeds.Seen("https://feed.example/a.txt", None)])
        elsewhere = feeds.references.Referred("a.png", "etag", "5" * 64, 1)
        feeds.references.refer(session, feed.id, [elsewhere])
    return installation


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    """Give an empty installation of either kind; nothing is migrated."""
    home = tmp_path / "restored"
    home.mkdir()
    url = f"sqlite:///{home / 'jinbiao.sqlite3'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_database")
    database = Database(url)
    yield Installation(Settings(home=home), database, FolderStorage(home / "objects"))
    database.close()


def rows(database: Database) -> dict[str, list[Any]]:
    """Return every row of every table."""
    with database.engine.connect() as connection:
        return {
            table.name: list(
                map(tuple, connection.execute(sa.select(table).order_by(*table.primary_key)))
            )
            for table in migrations.METADATA.sorted_tables
        }


# Their rows hold what is sealed with the installation's key; their own tests fill them.
CONNECTIONS = (
    "connected_stores",
    "model_backends",
    "seen_objects",
    "webhook_deliveries",
    "webhooks",
)


def backup(installation: Installation, file: Path) -> dict[str, int]:
    return backups.backup(installation, file, silent)


def test_there_and_back_everything_is_the_same(
    full: Installation, target: Installation, tmp_path: Path
) -> None:
    shown: list[tuple[int, int | None]] = []
    file = tmp_path / "backup.tar"
    counts = backups.backup(full, file, lambda done, total: shown.append((done, total)))
    assert shown[-1] == (counts["objects"], counts["objects"])
    assert backups.restore(target, file, silent) == counts
    before, after = rows(full.database), rows(target.database)
    for passing in ("web_sessions", "workers"):
        assert len(before.pop(passing)) == 1 and after.pop(passing) == []
    assert after == before
    assert {name for name, found in before.items() if not found} <= {
        "annotation_revisions",
        "drafts",
        "exports",
        "export_files",
        "import_rejects",
        *CONNECTIONS,
    }
    digests = list(full.store.digests())
    assert list(target.store.digests()) == digests and len(digests) == counts["objects"] > 0
    for digest in digests:
        assert target.store.read(digest) == full.store.read(digest)
    with target.database.read() as session:
        assert audit.verify(session).fault is None
    # Work goes on: new rows get new numbers, new events join the chain.
    with target.database.write() as session:
        team = factories.team(session)
    factories.tasks(target, team, 2)
    with target.database.read() as session:
        assert audit.verify(session).fault is None


def test_a_backup_is_for_its_owner_only_and_never_overwrites(
    full: Installation, tmp_path: Path
) -> None:
    file = tmp_path / "backup.tar"
    backup(full, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(Invalid, match="exists already"):
        backup(full, file)
    with pytest.raises(Invalid, match="cannot be written"):
        backup(full, tmp_path / "missing" / "backup.tar")
    assert [path.name for path in tmp_path.glob("*.unfinished")] == []


def test_a_database_in_use_is_not_overwritten(
    full: Installation, target: Installation, tmp_path: Path
) -> None:
    file = tmp_path / "backup.tar"
    backup(full, file)
    migrations.upgrade(target.database)
    with pytest.raises(Refused, match="not empty"):
        backups.restore(target, file, silent)
    assert rows(target.database)["users"] == []


def test_only_a_database_of_this_program_is_backed_up(target: Installation, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="revision"):
        backup(target, tmp_path / "backup.tar")


def _cut(content: bytes) -> bytes:
    return content[: len(content) * 2 // 3]


def _cut_at_the_end(content: bytes) -> bytes:
    place = content.rindex(b"backup.json")
    return content[:place] + bytes(1024)


@pytest.mark.parametrize(
    "spoil",
    [_cut, _cut_at_the_end, lambda _content: b"", lambda content: b"not a tar" + content[:5000]],
    ids=["cut", "without its end", "empty", "something else"],
)
def test_a_broken_file_is_refused_before_anything_is_written(
    full: Installation, target: Installation, tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    file = tmp_path / "backup.tar"
    backup(full, file)
    file.write_bytes(spoil(file.read_bytes()))
    with pytest.raises(Invalid, match="is not a backup"):
        backups.restore(target, file, silent)
    assert migrations.is_empty(target.database)
    with pytest.raises(Invalid, match="is not a backup"):
        backups.restore(target, tmp_path, silent)
    with pytest.raises(Invalid, match="is not a backup"):
        backups.restore(target, tmp_path / "missing", silent)


def _repacked(file: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """Write the archive again with other contents."""
    other = file.with_name(f"{uuid.uuid4()}.tar")
    with tarfile.open(file) as old, tarfile.open(other, "w") as new:
        for entry in old:
            stream = old.extractfile(entry)
            content = change(entry.name, stream.read() if stream else b"")
            if content is not None:
                entry.size = len(content)
                new.addfile(entry, io.BytesIO(content))
    return other


def test_changed_bytes_and_changed_events_are_found(
    full: Installation, target: Installation, tmp_path: Path
) -> None:
    file = tmp_path / "backup.tar"
    backup(full, file)

    def spoil_object(name: str, content: bytes) -> bytes:
        return content + b"!" if name.startswith("objects/") else content

    with pytest.raises(Damaged, match="digest"):
        backups.restore(target, _repacked(file, spoil_object), silent)


def test_a_backup_with_another_history_is_refused(
    full: Installation, target: Installation, tmp_path: Path
) -> None:
    file = tmp_path / "backup.tar"
    backup(full, file)

    def spoil_event(name: str, content: bytes) -> bytes:
        events = name == "tables/audit_events.jsonl"
        return content.replace(b"project.create", b"project.delete") if events else content

    with pytest.raises(Damaged, match="audit chain"):
        backups.restore(target, _repacked(file, spoil_event), silent)


def test_a_missing_object_is_found(
    full: Installation, target: Installation, tmp_path: Path
) -> None:
    file = tmp_path / "backup.tar"
    backup(full, file)
    lost = next(iter(full.store.digests()))

    def lose(name: str, content: bytes) -> bytes | None:
        return None if name == f"objects/{lost}" else content

    with pytest.raises(Damaged, match="of"):
        backups.restore(target, _repacked(file, lose), silent)


def test_a_backup_of_a_newer_program_is_refused(
    full: Installation, target: Installation, tmp_path: Path
) -> None:
    file = tmp_path / "backup.tar"
    backup(full, file)

    def from_the_future(name: str, content: bytes) -> bytes:
        if name != "backup.json":
            return content
        return msgspec.json.encode({**msgspec.json.decode(content), "revision": "9999"})

    with pytest.raises(Invalid, match="newer program"):
        backups.restore(target, _repacked(file, from_the_future), silent)
    assert migrations.is_empty(target.database)
