"""Measure the cleaning of Chinese documents of 1 KB: the whole job, and the engine alone.

    .venv/bin/python tests/bench/cleaning.py [--documents 50000 200000] [--database URL]
        [--datasketch] [--engine-only]

A corpus of `documents.py` is a library in the database; a recipe of eleven steps, the last two
for exact and near duplicates, makes cleaned records of it. Prints documents a second, processor
seconds, peak memory of all processes together, recall and precision on what was planted; ends
with 1 where recall is under 0.98, precision under 0.99 or the whole job slower than 10,000
documents a second. `--datasketch` clears the same documents of near duplicates by that library,
in an environment of its own under var/clients.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from jinbiao.datasets import cleaning, jobs, libraries, migrations, people
from jinbiao.datasets.cleaning import CleanedRecord, recipes
from jinbiao.datasets.cleaning.operators import OPERATORS, Record
from jinbiao.datasets.db import Database, insert_many, now
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.libraries import Asset, Library
from jinbiao.datasets.people import User
from jinbiao.datasets.settings import Settings
from jinbiao.datasets.storage import FolderStorage
from jinbiao.tests import factories
from jinbiao.tests.bench.documents import Corpus
from jinbiao.tests.clients.conftest import client_environment
from jinbiao.workers import run
from jinbiao.workers.engine import MOST_RECORDS, Plan, Run

MOST_BESIDE = 10_000
RECALL, PRECISION, DOCUMENTS_A_SECOND = 0.98, 0.99, 10_000
STEPS = [
    {"operator": f"text.{name}"}
    for name in (
        "repair_encoding",
        "strip_html",
        "strip_boilerplate",
        "normalise_width",
        "convert_script",
        "filter_language",
        "filter_length",
        "filter_repetition",
        "filter_quality",
        "exact_duplicates",
        "near_duplicates",
    )
]


@dataclass(frozen=True)
class Truth:
    """What was planted: of each asset that is a duplicate, the asset it was made from."""

    sources: dict[int, int]

    def judge(self, found: dict[int, int]) -> tuple[float, float]:
        """Return recall and precision of what was called a duplicate, and of which asset."""
        right = sum(found.get(asset) == source for asset, source in self.sources.items())
        true = sum(asset in self.sources for asset in found)
        return right / max(len(self.sources), 1), true / max(len(found), 1)


def fill(installation: Installation, number: int, seed: int = 1) -> tuple[User, Library, Truth]:
    """Put a corpus into a new library."""
    with installation.database.write() as session:
        actor = factories.person(session, people.Role.REQUESTER)
        library = libraries.create(session, actor, title="语料", kind="text")
        session.flush()
        first = (session.scalar(sa.select(sa.func.max(Asset.id))) or 0) + 1
    sources, rows, size = {}, [], 0
    for place, document in enumerate(Corpus(number, seed)):
        if document.source is not None:
            sources[first + place] = first + document.source
        rows.append(_asset(library, first + place, document.text))
        size += rows[-1]["size"]
        if len(rows) == 5_000 or place + 1 == number:
            with installation.database.write() as session:
                insert_many(session, Asset, rows)
            rows = []
    with installation.database.write() as session:
        found = session.get_one(Library, library.id)
        found.assets, found.size = number, size
    return actor, library, Truth(sources)


def _asset(library: Library, number: int, text: str) -> dict[str, Any]:
    return {
        "id": number,
        "library_id": library.id,
        "import_id": f"bench-{library.id}",
        "row": number,
        "kind": "text",
        "name": f"文 {number}",
        "state": "held",
        "text": text,
        "digest": f"{number:064x}",
        "size": len(text.encode()),
        "content_type": "text/plain",
        "facts": "{}",
        "created_at": now(),
    }


def row_of(number: int, text: str) -> cleaning.AssetRow:
    """Return a text as the job reads it."""
    row = _asset(Library(id=1), number, text)
    return cleaning.AssetRow(**{name: row[name] for name in cleaning.AssetRow._fields})


def asked(session: Session, actor: User, library: Library) -> tuple[int, str]:
    """Ask for a cleaning of the library; return its id and its job's."""
    name = f"语料清洗 {library.id}-{time.time_ns()}"
    _recipe, version = recipes.create(session, actor, name=name, steps=STEPS)
    session.flush()
    present, job = cleaning.ask(session, actor, session.get_one(Library, library.id), version)
    return present.id, job.id


def found_in(session: Session, cleaning_id: int) -> dict[int, int]:
    """Return which asset was called a duplicate of which."""
    rows = session.execute(
        sa.select(CleanedRecord.asset_id, CleanedRecord.duplicate_of).where(
            CleanedRecord.cleaning_id == cleaning_id, CleanedRecord.duplicate_of.is_not(None)
        )
    )
    return {asset: of for asset, of in rows}


class Watch:
    """Watch the memory of this process and its children, all together, and their CPU time."""

    def __enter__(self) -> Watch:
        """Begin."""
        self.peak, self._stop = 0.0, threading.Event()
        self._wall, self._times = time.perf_counter(), os.times()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_problem: object) -> None:
        """End."""
        self.seconds = time.perf_counter() - self._wall
        spent = [after - before for after, before in zip(os.times(), self._times, strict=True)]
        # Of this process, which does one thing at a time; of those that Daft starts.
        self.cpu, self.cpu_beside = spent[0] + spent[1], spent[2] + spent[3]
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        # Looking takes a thousandth of a second a process.
        while not self._stop.wait(0.5):
            self.peak = max(self.peak, sum(map(_own_mb, family(os.getpid()))))


def family(process: int) -> list[int]:
    """Return a process, and all that it and its children have started, by whichever thread."""
    found = [process]
    with suppress(OSError):
        for listed in Path(f"/proc/{process}/task").glob("*/children"):
            children = listed.read_text().split()
            found += [each for child in children for each in family(int(child))]
    return found


def _own_mb(process: int) -> float:
    """Return what a process holds in memory, pages that others share divided among them."""
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    found = re.search(r"Pss:\s+(\d+)", text)
    return 0.0 if found is None else int(found[1]) / 1024


def whole_job(installation: Installation, number: int) -> dict[str, Any]:
    """Clean a library of so many documents by the real job; tell what it took."""
    actor, library, truth = fill(installation, number)
    with installation.database.write() as session:
        cleaning_id, job_id = asked(session, actor, library)
    with Watch() as watch:
        state = run.perform(installation, job_id)
    assert state == jobs.JobState.DONE, state
    with installation.database.read() as session:
        recall, precision = truth.judge(found_in(session, cleaning_id))
        counts = session.get_one(cleaning.Cleaning, cleaning_id).count_values
    return _told(watch, number, recall, precision) | {"counts": counts}


def engine_alone(folder: Path, number: int) -> dict[str, Any]:
    """Clean documents that are in files already, without a database."""
    sources: dict[int, int] = {}

    documents = enumerate(Corpus(number))

    def give(last: int, end: int) -> Iterator[cleaning.AssetRow]:
        for place, document in islice(documents, end - last):
            if document.source is not None:
                sources[place + 1] = document.source + 1
            yield row_of(place + 1, document.text)

    engine = Run(folder / f"run-{number}", recipes.checked_steps(STEPS), Settings(folder))
    ends = [min(start + MOST_RECORDS, number) for start in range(0, number, MOST_RECORDS)]
    engine.begin(Plan(ends, number))
    for _part in engine.fill(give):
        pass
    with Watch() as watch:
        engine.do(lambda _done, _of: None, iter(()))
        found = {
            asset: of
            for _part, ended in engine.results()
            for asset, of in zip(ended.asset_id, ended.duplicate_of, strict=True)
            if of is not None
        }
    recall, precision = Truth(sources).judge(found)
    return _told(watch, number, recall, precision)


def near_alone(number: int) -> dict[str, Any]:
    """Find the near duplicates of clean documents, as `beside` lets datasketch do."""
    documents, sources = _clean_documents(min(number, MOST_BESIDE))
    operator = OPERATORS["text.near_duplicates"]
    assert operator.signature is not None and operator.groups is not None
    options = {option.name: option.default for option in operator.options}
    taken = [Record(place, "text", text=text) for place, text in enumerate(documents)]
    with Watch() as watch:
        signatures = [
            each
            for start in range(0, len(taken), MOST_RECORDS)
            for each in operator.signature(taken[start : start + MOST_RECORDS], options)
        ]
        found = operator.groups(range(len(signatures)), signatures, options)
    return _told(watch, len(documents), *Truth(sources).judge(found))


def _clean_documents(number: int) -> tuple[list[str], dict[int, int]]:
    """Return texts without dirt, and which were made of which."""
    documents, sources, places = [], {}, {}
    for place, document in enumerate(Corpus(number, dirty=0.0)):
        # The dirt of other kinds is alike by itself.
        if document.kind in ("short", "digits", "repeating"):
            continue
        places[place] = len(documents)
        if document.source is not None:
            sources[len(documents)] = places[document.source]
        documents.append(document.text)
    return documents, sources


def beside(folder: Path, number: int) -> dict[str, Any]:
    """Clear the same documents of near duplicates by datasketch, without dirt and cleaning.

    Of more than MOST_BESIDE the first ones: it takes a millisecond and more for each.
    """
    python = client_environment("datasketch-2.0.0", "datasketch==2.0.0")
    documents, sources = _clean_documents(min(number, MOST_BESIDE))
    path = folder / "texts.jsonl"
    lines = (json.dumps(text, ensure_ascii=False) for text in documents)
    path.write_text("\n".join(lines), encoding="utf-8")
    side = Path(__file__).with_name("datasketch_side.py")
    done = subprocess.run(
        [str(python), str(side), str(path), "0.65"], check=True, capture_output=True, text=True
    )
    told = json.loads(done.stdout.splitlines()[-1])
    found = {int(place): of for place, of in told["found"].items()}
    recall, precision = Truth(sources).judge(found)
    return {
        "documents": len(documents),
        "a_second": round(len(documents) / told["seconds"]),
        "cpu_seconds": round(told["cpu"], 1),
        "recall": round(recall, 4),
        "precision": round(precision, 4),
    }


def _told(watch: Watch, number: int, recall: float, precision: float) -> dict[str, Any]:
    return {
        "documents": number,
        "a_second": round(number / watch.seconds),
        "cpu_seconds": round(watch.cpu, 1),
        "cpu_seconds_beside": round(watch.cpu_beside, 1),
        "peak_mb": round(watch.peak),
        "recall": round(recall, 4),
        "precision": round(precision, 4),
    }


def main() -> int:
    """Measure what the arguments name."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--documents", type=int, nargs="+", default=[50_000, 200_000])
    parser.add_argument("--database", default="")
    parser.add_argument("--datasketch", action="store_true")
    parser.add_argument("--engine-only", action="store_true")
    chosen = parser.parse_args()
    good = True
    for number in chosen.documents:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            print("engine", json.dumps(engine_alone(folder, number)), flush=True)
            if not chosen.engine_only:
                told = whole_job(_installation(folder, chosen.database), number)
                counts = told.pop("counts")
                print("job", json.dumps(told), flush=True)
                for step, count in zip(STEPS, counts, strict=True):
                    print("   ", step["operator"], json.dumps(count, ensure_ascii=False))
                good &= told["recall"] >= RECALL and told["precision"] >= PRECISION
                good &= told["a_second"] >= DOCUMENTS_A_SECOND
            if chosen.datasketch:
                print("near duplicates alone", json.dumps(near_alone(number)), flush=True)
                print("datasketch", json.dumps(beside(folder, number)), flush=True)
    return 0 if good else 1


def _installation(folder: Path, url: str) -> Installation:
    database = Database(url or f"sqlite:///{folder / 'bench.sqlite3'}")
    migrations.upgrade(database)
    return Installation(Settings(home=folder), database, FolderStorage(folder / "objects"))


if __name__ == "__main__":
    sys.exit(main())
