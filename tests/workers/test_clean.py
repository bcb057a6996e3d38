"""Clean a library: every record accounted for, the same after kill -9, and shown beforehand."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from PIL import Image

from jinbiao.datasets import audit, cleaning, errors, jobs, libraries, people
from jinbiao.datasets.cleaning import CleanedRecord, Cleaning, recipes
from jinbiao.datasets.cleaning.operators import OPERATORS, Operator, Outcome
from jinbiao.datasets.db import insert_many, now
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.jobs import Job, JobState
from jinbiao.datasets.libraries import Asset, Library
from jinbiao.datasets.people import User
from jinbiao.tests import factories
from jinbiao.tests.bench import cleaning as bench
from jinbiao.workers import clean, run

GOOD = "今天上午，市里的工程师们在新的厂房里检查了所有的设备，他们说这里的空气比以前好多了。"
OTHER = "到了下午，他们又去了港口，看了看从南方运来的货物，对那里的人说了不少感谢的话。"


def library_of(installation: Installation, *texts: str | bytes) -> tuple[User, Library]:
    """Make a library; bytes become pictures of the store."""
    store = installation.store
    with installation.database.write() as session:
        actor = factories.person(session, people.Role.REQUESTER)
        library = libraries.create(session, actor, title="素材", kind="mixed")
        session.flush()
        rows = []
        for number, content in enumerate(texts):
            is_text = isinstance(content, str)
            encoded = content.encode() if isinstance(content, str) else content
            rows.append(
                {
                    "library_id": library.id,
                    "import_id": f"import-{library.id}",
                    "row": number,
                    "kind": "text" if is_text else "image",
                    "name": f"第 {number} 件",
                    "state": "held",
                    "text": content if is_text else None,
                    "digest": "0" * 64 if is_text else store.put_bytes(encoded).digest,
                    "size": len(encoded),
                    "content_type": "text/plain" if is_text else "image/png",
                    "facts": '{"来源":"甲"}',
                    "created_at": now(),
                }
            )
        insert_many(session, Asset, rows)
    return actor, library


def asked(
    installation: Installation, actor: User, library: Library, *steps: str | dict[str, Any]
) -> tuple[int, str]:
    """Ask for a cleaning by operators of texts; return its id and its job's."""
    values = [{"operator": f"text.{each}"} if isinstance(each, str) else each for each in steps]
    with installation.database.write() as session:
        name = f"配方 {time.time_ns()}"
        _recipe, version = recipes.create(session, actor, name=name, steps=values)
        present, job = cleaning.ask(session, actor, session.get_one(Library, library.id), version)
        return present.id, job.id


def records(installation: Installation, cleaning_id: int) -> list[dict[str, Any]]:
    """Return what a cleaning wrote, in order, without its row numbers."""
    table = CleanedRecord.__table__
    columns = [c for c in table.c if c.name not in ("id", "cleaning_id")]
    query = sa.select(*columns).where(table.c.cleaning_id == cleaning_id)
    with installation.database.read() as session:
        rows = session.execute(query.order_by(table.c.asset_id, table.c.part))
        return [dict(row._mapping) for row in rows]


def cleaned(installation: Installation, *given: Any) -> tuple[Cleaning, list[dict[str, Any]]]:
    """Ask, do, and return what became of it."""
    cleaning_id, job_id = asked(installation, *given)
    assert run.perform(installation, job_id) == JobState.DONE
    with installation.database.read() as session:
        return session.get_one(Cleaning, cleaning_id), records(installation, cleaning_id)


def test_every_record_says_what_became_of_it(installation: Installation) -> None:
    texts = (GOOD, f"<p>{OTHER}</p>", "短", GOOD, f"{GOOD[:-1]}！", GOOD.encode().decode("latin-1"))
    actor, library = library_of(installation, *texts, b"no text at all")
    steps = (
        "strip_html",
        "filter_length",
        "repair_encoding",
        "exact_duplicates",
        "near_duplicates",
    )
    done, rows = cleaned(installation, actor, library, *steps)
    first = rows[0]["asset_id"]
    told = [
        (
            row["state"],
            row["changed_steps"],
            row["dropped_step"],
            row["reason"],
            row["duplicate_of"],
        )
        for row in rows
    ]
    assert told == [
        ("kept", "[]", None, None, None),
        ("changed", "[0]", None, None, None),
        ("dropped", "[]", 1, "too_short", None),
        ("dropped", "[]", 3, "duplicate", first),
        ("dropped", "[]", 4, "near_duplicate", first),
        ("dropped", "[2]", 3, "duplicate", first),
        ("kept", "[]", None, None, None),
    ]
    assert [row["text"] for row in rows] == [None, OTHER, None, None, None, GOOD, None]
    assert (done.records, done.kept, done.changed, done.dropped) == (7, 3, 1, 4)
    seen = [(each["seen"], each["changed"], each["dropped"]) for each in done.count_values]
    assert seen == [(6, 1, 0), (6, 0, 1), (5, 1, 0), (5, 0, 2), (3, 0, 1)]
    assert done.count_values[3]["reasons"] == {"duplicate": 2}
    with installation.database.read() as session:
        acts = {event.action for event in audit.events(session)}
        assert {"library.clean", "job.clean", "library.cleaned", "job.done"} <= acts
        assert not list((installation.settings.home / "cleanings").glob("*"))
        assert session.get_one(Asset, first).text == GOOD


def test_splits_make_parts_that_later_steps_see(installation: Installation) -> None:
    actor, library = library_of(installation, GOOD + OTHER + "好。", OTHER)
    steps = ("split_sentences", "filter_length", "exact_duplicates")
    _done, rows = cleaned(installation, actor, library, *steps)
    first, second = sorted({row["asset_id"] for row in rows})
    told = [(row["asset_id"], row["part"], row["text"], row["reason"]) for row in rows]
    assert told == [
        (first, 0, GOOD, None),
        (first, 1, OTHER, None),
        (first, 2, "好。", "too_short"),
        (second, 0, None, "duplicate"),
    ]
    assert rows[3]["duplicate_of"] == first


def test_changed_bytes_are_kept_in_the_store(installation: Installation) -> None:
    out = io.BytesIO()
    Image.new("RGB", (200, 100), (9, 160, 90)).save(out, "PNG")
    actor, library = library_of(installation, out.getvalue(), factories.picture(2))
    step = {"operator": "image.resize", "options": {"longest": 64}}
    _done, rows = cleaned(installation, actor, library, step)
    assert [row["state"] for row in rows] == ["changed", "kept"]
    content = installation.store.read(rows[0]["digest"])
    assert len(content) == rows[0]["size"]
    assert Image.open(io.BytesIO(content)).size == (64, 32)
    assert rows[1]["digest"] is None


def _breaks(records: Any, _options: Any) -> list[Outcome]:
    if any("坏" in (record.text or "") for record in records):
        raise ZeroDivisionError
    return [Outcome(facts={"looked": True}) for _record in records]


def test_a_record_that_breaks_an_operator_takes_no_other_along(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaking = Operator("text.breaks", 1, "text", "breaks", "drop", apply=_breaks)
    monkeypatch.setitem(OPERATORS, "text.breaks", breaking)
    actor, library = library_of(installation, "好的", "坏的", "行的")
    _done, rows = cleaned(installation, actor, library, "breaks")
    assert [row["reason"] for row in rows] == [None, "failed", None]
    assert [row["facts"] for row in rows] == ['{"looked":true}', "{}", '{"looked":true}']


def _is_away(_records: Any, _options: Any) -> list[Outcome]:
    raise errors.Unavailable("the store is away")


@pytest.mark.parametrize("spread", [False, True])
def test_no_record_is_dropped_because_a_part_of_the_platform_is_away(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, spread: bool
) -> None:
    if spread and not installation.database.is_sqlite:
        pytest.skip("the database does not matter to Daft")
    actor, library = library_of(installation, *[factories.picture(1)] * 6)
    if spread:
        # In processes of its own the operator is the real one, and the store is.
        monkeypatch.setattr(clean, "MOST_RECORDS", 1)
        folder = installation.settings.home / "objects"
        step: Any = {"operator": "image.decode"}
        cleaning_id, job_id = asked(installation, actor, library, step)
        folder.rename(folder.with_name("away"))
        folder.write_text("no folder")
    else:
        away = Operator("image.away", 1, "image", "away", "drop", apply=_is_away)
        monkeypatch.setitem(OPERATORS, "image.away", away)
        cleaning_id, job_id = asked(installation, actor, library, {"operator": "image.away"})
    assert run.perform(installation, job_id) is None
    assert records(installation, cleaning_id) == []
    with installation.database.read() as session:
        assert session.get_one(Job, job_id).state == JobState.WAITING


def open_pipes() -> list[str]:
    """Return the pipes that this process has open."""
    links = [Path("/proc/self/fd", number) for number in os.listdir("/proc/self/fd")]
    return [os.readlink(link) for link in links if link.is_fifo()]


def test_the_same_recipe_gives_the_same_records_in_any_parts(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor, library, truth = bench.fill(installation, 900)
    # Whoever first shares memory in a process starts the one that minds it, for good.
    resource_tracker.ensure_running()
    found, pipes = [], set(open_pipes())
    # One part here, then six on Daft.
    for size in (1000, 150):
        monkeypatch.setattr(clean, "MOST_RECORDS", size)
        with installation.database.write() as session:
            cleaning_id, job_id = bench.asked(session, actor, library)
        assert run.perform(installation, job_id) == JobState.DONE
        found.append(records(installation, cleaning_id))
    assert set(open_pipes()) <= pipes
    assert found[0] == found[1]
    assert len(found[0]) == 900
    with installation.database.read() as session:
        recall, precision = truth.judge(bench.found_in(session, cleaning_id))
    assert recall >= bench.RECALL and precision >= bench.PRECISION


def test_large_texts_make_small_parts(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clean, "MOST_BYTES", 100)
    actor, library = library_of(installation, *[f"{GOOD}{number}" for number in range(2)])
    done, _rows = cleaned(installation, actor, library, "filter_length")
    assert done.records == 2


CHILD = """\
import sys
from jinbiao.datasets import settings
from jinbiao.datasets.installation import open_installation
from jinbiao.workers import clean, run
clean.MOST_RECORDS = 50
if __name__ == "__main__":
    print(run.perform(open_installation(settings.load()), sys.argv[1]))
"""


def test_after_kill_9_the_records_are_the_same(installation: Installation) -> None:
    actor, library, _truth = bench.fill(installation, 600)
    with installation.database.write() as session:
        undisturbed, job_id = bench.asked(session, actor, library)
    assert run.perform(installation, job_id) == JobState.DONE
    with installation.database.write() as session:
        killed, job_id = bench.asked(session, actor, library)
        uid = session.get_one(Cleaning, killed).uid
    folder = installation.settings.home / "cleanings" / uid
    # While it fills, while Daft works, while it writes rows.
    moments = [
        lambda: (folder / "00-000003.records").exists(),
        lambda: len(list(folder.glob("01-*.json"))) >= 2,
        lambda: bool(records(installation, killed)),
    ]
    # Each moment costs several processes: where rows are written the database matters.
    for is_time in moments if installation.database.is_sqlite else moments[2:]:
        _kill_when(installation, job_id, is_time)
        with installation.database.write() as session:
            assert jobs.reclaim(session, -1.0) == [job_id]
    assert _child(installation, job_id).wait() == 0
    assert records(installation, killed) == records(installation, undisturbed)
    with installation.database.read() as session:
        one, other = (session.get_one(Cleaning, each) for each in (killed, undisturbed))
        for each, same in zip(one.count_values, other.count_values, strict=True):
            assert each | {"seconds": 0} == same | {"seconds": 0}
        assert session.get_one(Job, job_id).state == JobState.DONE
    assert not folder.exists()


def _child(installation: Installation, job_id: str) -> subprocess.Popen[bytes]:
    settings = installation.settings
    given = {
        "JINBIAO_HOME": str(settings.home),
        "JINBIAO_DATABASE_URL": settings.database_url,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, job_id], env=os.environ | given, stdout=subprocess.DEVNULL
    )


def _kill_when(installation: Installation, job_id: str, is_time: Any) -> None:
    process = _child(installation, job_id)
    until = time.monotonic() + 60
    while not is_time():
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_a_lost_folder_means_beginning_anew(installation: Installation) -> None:
    actor, library = library_of(installation, GOOD, OTHER)
    cleaning_id, job_id = asked(installation, actor, library, "filter_length")
    with installation.database.write() as session:
        # As another host has left it: a part written, its folder not here.
        job = session.get_one(Job, job_id)
        job.checkpoint = '{"written":1}'
        asset = session.scalars(sa.select(sa.func.min(Asset.id))).one()
        present = session.get_one(Cleaning, cleaning_id)
        row = {name: None for name in ("text", "digest", "size", "content_type", "dropped_step")}
        row |= {"reason": None, "duplicate_of": None, "facts": "{}", "changed_steps": "[]"}
        row |= {"cleaning_id": cleaning_id, "asset_id": asset, "part": 7, "state": "kept"}
        columns = {name: [value] for name, value in row.items()}
        assert cleaning.advance(session, present, columns) == 1
    assert run.perform(installation, job_id) == JobState.DONE
    assert [row["part"] for row in records(installation, cleaning_id)] == [0, 0]


def test_a_cancelled_cleaning_leaves_nothing(installation: Installation) -> None:
    actor, library = library_of(installation, GOOD, OTHER)
    cleaning_id, job_id = asked(installation, actor, library, "filter_length")
    with installation.database.write() as session:
        job = jobs.begin(session, job_id, "here")
        assert job is not None
        work = run.work_of(installation, job, actor)
    with installation.database.write() as session:
        jobs.cancel(session, actor, jobs.get(session, job_id))
    with pytest.raises(errors.Cancelled):
        clean.run(work)
    assert records(installation, cleaning_id) == []
    with installation.database.read() as session:
        assert session.get_one(Cleaning, cleaning_id).ended_at is None
    assert not list((installation.settings.home / "cleanings").glob("*"))


def test_only_the_library_s_own_people_may_run_one_and_only_once(
    installation: Installation,
) -> None:
    actor, library = library_of(installation, GOOD)
    asked(installation, actor, library, "filter_length")
    with installation.database.write() as session:
        version = session.scalars(sa.select(cleaning.RecipeVersion)).one()
        with pytest.raises(errors.Refused, match="already"):
            cleaning.ask(session, actor, session.get_one(Library, library.id), version)
        stranger = factories.person(session, people.Role.REQUESTER)
        with pytest.raises(errors.NotFound):
            cleaning.ask(session, stranger, session.get_one(Library, library.id), version)
        annotator = factories.person(session, people.Role.ANNOTATOR, actor.organisation)
        with pytest.raises(errors.Forbidden):
            cleaning.ask(session, annotator, session.get_one(Library, library.id), version)
        empty = libraries.create(session, actor, title="空", kind="text")
        with pytest.raises(errors.Refused, match="nothing"):
            cleaning.ask(session, actor, empty, version)


def test_what_came_or_went_later_is_not_its_input(installation: Installation) -> None:
    actor, library = library_of(installation, GOOD, OTHER, "三")
    cleaning_id, job_id = asked(installation, actor, library, "filter_length")
    with installation.database.write() as session:
        ids = list(session.scalars(sa.select(Asset.id).order_by(Asset.id)))
        session.get_one(Asset, ids[1]).state = "withdrawn"
        row = {c.name: getattr(session.get_one(Asset, ids[0]), c.name) for c in Asset.__table__.c}
        insert_many(session, Asset, [{**row, "id": ids[-1] + 1, "row": 99}])
    assert run.perform(installation, job_id) == JobState.DONE
    found = [row["asset_id"] for row in records(installation, cleaning_id)]
    assert found == [ids[0], ids[2]]


def test_a_preview_shows_what_the_job_will_do(installation: Installation) -> None:
    texts = (GOOD, f"<p>{OTHER}</p>", "短", f"{GOOD[:-1]}！", OTHER)
    actor, library = library_of(installation, *texts, factories.picture(1))
    steps = ("strip_html", "filter_length", "near_duplicates", "split_sentences")
    values = recipes.checked_steps([{"operator": f"text.{name}"} for name in steps])
    shown = clean.preview(installation, library, values)
    _done, rows = cleaned(installation, actor, library, *steps)
    picture = rows.pop()
    assert picture["state"] == "kept", "steps of texts do not look at it"
    assert [(row.asset_id, row.part, row.state, row.reason, row.dropped_step) for row in shown] == [
        (row["asset_id"], row["part"], row["state"], row["reason"], row["dropped_step"])
        for row in rows
    ]
    assert [row.before for row in shown] == [*texts]
    assert shown[1].after == OTHER and shown[1].steps == (0,)
    assert shown[3].duplicate_of == shown[0].asset_id


def test_a_preview_looks_all_over_the_library_at_what_the_steps_look_at(
    installation: Installation,
) -> None:
    pictures = [factories.picture(number) for number in range(3)]
    texts = [f"{GOOD}{number}" for number in range(30)]
    _actor, library = library_of(installation, *pictures, *texts, *pictures)
    values = recipes.checked_steps([{"operator": "text.filter_length"}])
    shown = clean.preview(installation, library, values, sample=4)
    assert [row.before for row in shown] == [texts[0], texts[9], texts[19], texts[29]]
    assert len(clean.preview(installation, library, values, sample=50)) == 30
    of_pictures = recipes.checked_steps([{"operator": "image.size"}])
    shown = clean.preview(installation, library, of_pictures, sample=4)
    assert len(shown) == 4 and {row.kind for row in shown} == {"image"}


def test_a_preview_takes_a_sample_by_seed(installation: Installation) -> None:
    _actor, library, _truth = bench.fill(installation, 300)
    values = recipes.checked_steps([{"operator": "text.filter_length"}])
    first = clean.preview(installation, library, values, sample=20)
    some = clean.preview(installation, library, values, sample=20, seed=4)
    again = clean.preview(installation, library, values, sample=20, seed=4)
    assert len(first) == len(some) == 20
    assert [row.asset_id for row in some] == [row.asset_id for row in again]
    assert [row.asset_id for row in first] == sorted(row.asset_id for row in first)
    assert {row.asset_id for row in some} != {row.asset_id for row in first}
