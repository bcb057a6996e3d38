"""What a datasheet counts comes from rows as they were when the version was frozen."""

from __future__ import annotations

import dataclasses

import pytest

from jinbiao.datasets import annotations, datasheets, quality
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.quality.intervals import cluster_ratio
from jinbiao.tests import factories


def test_the_process_is_that_of_the_frozen_version(installation: Installation) -> None:
    with installation.database.write() as session:
        team = factories.team(session)
    made = factories.tasks(installation, team, 5)
    returned = factories.submitted(installation, team.annotator, team.project, made[0])
    factories.judged(installation, team.reviewer, returned, "reject", reason="不对")
    with installation.database.write() as session:
        row, task, project = annotations.get(
            session, team.annotator, returned.id, "annotation.write"
        )
        annotations.update(session, team.annotator, project, task, row, factories.tone("bad"))
    factories.judged(installation, team.reviewer, returned, "accept")
    factories.accepted(installation, team, made[1:4])
    with installation.database.write() as session:
        for task, scores in ((made[1], (1.0, 0.5)), (made[2], (0.25,)), (made[3], (None,))):
            for place, score in enumerate(scores):
                session.add(
                    quality.ComparedPair(
                        project_id=team.project.id,
                        task_id=task.id,
                        one_id=1,
                        other_id=2 + place,
                        score=score,
                        said="{}",
                    )
                )
    version = factories.frozen(installation, team)
    rows = list(datasheets.process_of(installation.database, version.id))
    assert [row["position"] for row in rows] == [0, 1, 2, 3]
    assert sorted((row["pairs"], row["score_sum"]) for row in rows if row["pairs"]) == [
        (1, 0.25),
        (2, 1.5),
    ]
    assert sorted(row["first_review"] for row in rows) == ["accept", "accept", "accept", "reject"]
    assert {row["answers"] for row in rows} == {1}
    with datasheets.Evidence() as evidence:
        evidence.add_process(rows)
        agreement = datasheets.figure(evidence, datasheets.newest("process.agreement"))
        first = datasheets.figure(evidence, datasheets.newest("process.first_pass"))
    told = [(row["score_sum"], row["pairs"]) for row in rows if row["pairs"]]
    expected = cluster_ratio([top for top, _n in told], [number for _top, number in told])
    assert agreement["value"] == pytest.approx(1.75 / 3, abs=1e-6)
    assert agreement["low"] == pytest.approx(expected.low, abs=1e-6)
    assert (agreement["number"], agreement["method"]) == (2, "cluster_bootstrap")
    assert (first["value"], first["number"]) == (0.75, 4)


def test_a_query_over_nothing_is_not_told() -> None:
    with datasheets.Evidence() as evidence:
        for query in datasheets.QUERIES.values():
            given = {"folders": ["data"], "below": 20}
            wanted = {name: given[name] for name in given if f":{name}" in query.sql}
            found = datasheets.figure(evidence, query, wanted)
            assert found.get("rows", []) == [] and not found.get("value")
            assert dataclasses.is_dataclass(query) and query.zh and query.en
