"""Findings: kept without values, decided once, treated, and in the way of publishing."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
import sqlalchemy as sa

from jinbiao.datasets import audit, findings, jobs, libraries, media, people, personal_information
from jinbiao.datasets.audit import AuditEvent
from jinbiao.datasets.findings import Finding, Scan, Seen
from jinbiao.datasets.jobs import Job, JobState
from jinbiao.datasets.libraries import AssetDraft
from jinbiao.datasets.tasks import Task
from jinbiao.tests.server.test_people import Browser
from jinbiao.tests.server.world import FACTS, World, entity
from jinbiao.workers import release, run
from jinbiao.workers.work import Work

# Numbers of nobody: a check digit by the rule, prefixes by the plan.
IDENTITY = "11010519491231002X"
MOBILE = "13800138000"
OTHER = "13900139000"
RAW = (IDENTITY, MOBILE, OTHER)
ROWS = [
    {"text": f"天津大学张工，手机{MOBILE}，身份证{IDENTITY}。"},
    {"text": f"天津大学请致电 {MOBILE} 或１３９-００１３-９０００"},
    {"text": "天津大学第三条没有什么"},
]
TRANSCRIPTS = '<View><Text name="text" value="$text"/><TextArea name="said" toName="text"/></View>'


@pytest.fixture(params=["sqlite", "postgresql"])
def either_world(request: pytest.FixtureRequest) -> World:
    """Open a world on each database."""
    name = "world" if request.param == "sqlite" else "postgres_world"
    made: World = request.getfixturevalue(name)
    return made


def brought(world: World, rows: Any = ROWS, **values: Any) -> int:
    project = world.project(**values)
    world.import_list(project, rows)
    return project


def scanned(world: World, project: int, **asked: Any) -> dict[str, Any]:
    return world.done(world.post("requester", f"/api/projects/{project}/scans/", asked))


def found(world: World, project: int, **wanted: Any) -> list[dict[str, Any]]:
    answer = world.get("requester", f"/api/projects/{project}/findings/", query_string=wanted)
    rows: list[dict[str, Any]] = world.good(answer)["results"]
    return rows


def decided(world: World, project: int, decision: str, **asked: Any) -> int:
    path = f"/api/projects/{project}/findings/decide"
    answer = world.post("requester", path, {"decision": decision, **asked})
    return int(world.good(answer)["decided"])


def treated(world: World, project: int, action: str, **asked: Any) -> dict[str, Any]:
    path = f"/api/projects/{project}/findings/treat"
    return world.done(world.post("requester", path, {"action": action, **asked}))


def texts(world: World, project: int) -> list[str]:
    return [task["data"]["text"] for task in sorted(world.tasks(project), key=lambda t: t["id"])]


def test_a_scan_keeps_places_and_no_values(either_world: World) -> None:
    world = either_world
    project = brought(world)
    result = scanned(world, project)
    assert (result["records"], result["found"], result["unseen"]) == (3, 4, 0)
    rows = found(world, project)
    assert sorted((row["kind"], row["masked"]) for row in rows) == [
        ("id_card", "110105********002X"),
        ("mobile", "138****8000"),
        ("mobile", "138****8000"),
        ("mobile", "139****9000"),
    ]
    first = ROWS[0]["text"]
    identity = next(row for row in rows if row["kind"] == "id_card")
    assert first[identity["start"] : identity["end"]] == IDENTITY
    assert identity["place"] == "text" and identity["state"] == "open"
    values = world.get("requester", f"/api/projects/{project}/findings/values").json
    assert values is not None
    assert sorted((row["findings"], row["records"]) for row in values["results"]) == [
        (1, 1),
        (1, 1),
        (2, 2),
    ]
    shown = world.good(world.get("requester", f"/api/findings/{identity['id']}/"))
    assert shown["excerpt"]["before"].endswith("手机138****8000，身份证")
    whole = json.dumps([rows, values, shown, result], ensure_ascii=False)
    assert not [raw for raw in RAW if raw in whole]


def test_one_decision_settles_equal_values_and_outlives_scans(either_world: World) -> None:
    world = either_world
    project = brought(world)
    scanned(world, project)
    mobile = next(row for row in found(world, project) if row["masked"] == "138****8000")
    print_ = mobile["fingerprint"]
    assert decided(world, project, "dismissed", fingerprint=print_, note="热线电话") == 2
    assert decided(world, project, "confirmed", kind="id_card") == 1
    before = found(world, project)
    again = scanned(world, project, again=True)
    assert (again["records"], again["found"]) == (3, 4)
    assert found(world, project) == before
    # Nothing changed: the next scan looks at nothing.
    assert scanned(world, project)["records"] == 0
    assert found(world, project) == before
    assert decided(world, project, "open", ids=[mobile["id"]]) == 1
    assert len(found(world, project, state="open")) == 2


def test_what_is_gone_goes_and_what_is_new_comes(world: World) -> None:
    project = brought(world)
    scanned(world, project)
    decided(world, project, "confirmed", kind="id_card")
    first, second, _third = sorted(task["id"] for task in world.tasks(project))
    for number, text in ((first, "天津大学，没有了"), (second, f"天津大学改写，{OTHER}")):
        answer = world.patch("requester", f"/api/tasks/{number}/", {"data": {"text": text}})
        world.good(answer)
    world.import_list(project, [{"text": f"又来了 {MOBILE}"}])
    assert scanned(world, project)["records"] == 3
    assert [(row["masked"], row["state"]) for row in found(world, project)] == [
        ("110105********002X", "treated"),
        ("139****9000", "open"),
        ("138****8000", "open"),
    ]


def test_numbers_nested_values_and_transcriptions_are_looked_at(world: World) -> None:
    row = {"text": "天津大学", "more": {"phones": [int(MOBILE), True, 1.5, None]}, "n": 5}
    project = brought(world, [row], config=TRANSCRIPTS)
    (task,) = world.tasks(project)
    said = {
        "id": "a",
        "from_name": "said",
        "to_name": "text",
        "type": "textarea",
        "value": {"text": ["不详", f"他说{OTHER}"]},
    }
    path = f"/api/tasks/{task['id']}/annotations/"
    made = world.good(world.post("annotator", path, {"result": [said]}), 201)
    scanned(world, project)
    rows = found(world, project)
    places = [row["place"] for row in rows]
    assert places == ["more.phones[0]", f"annotation:{made['id']}[0][1]"]
    path = f"/api/findings/{rows[1]['id']}/reveal"
    assert world.good(world.post("requester", path))["value"] == OTHER
    result = treated(world, project, "mask", state="open")
    assert result["treated"] == 0 and len(result["refused"]) == 1
    result = treated(world, project, "mask", ids=[rows[0]["id"]])
    assert result["treated"] == 1
    assert world.tasks(project)[0]["data"]["more"]["phones"][0] == "138****8000"


def test_the_value_is_shown_to_those_who_may_and_who_looked_is_known(world: World) -> None:
    project = brought(world)
    scanned(world, project)
    row = found(world, project, kind="id_card")[0]
    path = f"/api/findings/{row['id']}/reveal"
    answer = world.post("requester", path)
    assert world.good(answer)["value"] == IDENTITY
    assert answer.headers["Cache-Control"] == "no-store"
    for who, status in (
        ("inspector", 403),
        ("manager", 403),
        ("annotator", 403),
        ("reviewer", 403),
        ("other_requester", 404),
        ("auditor", 403),
        (None, 401),
    ):
        assert world.post(who, path).status_code == status, who
    with world.installation.database.read() as session:
        (event,) = session.scalars(
            sa.select(AuditEvent).where(AuditEvent.action == "finding.reveal")
        )
        assert (event.actor, event.subject) == ("requester", f"project/{project}")
        assert json.loads(event.detail) == {"finding": row["id"], "kind": "id_card"}
        assert audit.verify(session).fault is None
    # Somebody changed the text: what stands there now is another thing.
    number = row["task"]
    world.good(
        world.patch("requester", f"/api/tasks/{number}/", {"data": {"text": "天津大学" * 9}})
    )
    assert world.post("requester", path).status_code == 422


def test_annotators_and_strangers_see_nothing(world: World) -> None:
    project = brought(world)
    scanned(world, project)
    number = found(world, project)[0]["id"]
    paths = (
        f"/api/projects/{project}/findings/",
        f"/api/projects/{project}/findings/values",
        f"/api/projects/{project}/scans/",
        f"/api/findings/{number}/",
        f"/projects/{project}/findings",
    )
    for path in paths:
        assert world.get("annotator", path).status_code == 403
        assert world.get("reviewer", path).status_code == 403
        assert world.get("other_requester", path).status_code == 404
        assert world.get("manager", path).status_code == 200
    path = f"/api/projects/{project}/findings/decide"
    asked = {"decision": "confirmed", "kind": "mobile"}
    assert world.post("other_requester", path, asked).status_code == 404
    assert world.post("inspector", path, asked).status_code == 403
    assert [row["state"] for row in found(world, project)] == ["open"] * 4


def test_a_decision_says_which_and_why(world: World) -> None:
    project = brought(world)
    scanned(world, project)
    path = f"/api/projects/{project}/findings/decide"
    for asked, place in (
        ({"decision": "confirmed"}, "ids"),
        ({"decision": "perhaps", "kind": "mobile"}, "decision"),
        ({"decision": "dismissed", "kind": "mobile"}, "note"),
        ({"decision": "dismissed", "kind": "mobile", "note": f"是{MOBILE}"}, "note"),
        ({"decision": "confirmed", "kind": "shoe"}, "kind"),
        ({"decision": "confirmed", "least": 7}, "least"),
    ):
        answer = world.post("requester", path, asked)
        assert answer.status_code == 400, asked
        assert place in answer.text, asked
        assert MOBILE not in answer.text


def test_masking_changes_the_text_where_nothing_depends_on_it(either_world: World) -> None:
    world = either_world
    project = brought(world)
    scanned(world, project)
    result = treated(world, project, "mask", kind="mobile")
    assert (result["treated"], result["refused"]) == (3, [])
    assert texts(world, project) == [
        f"天津大学张工，手机138****8000，身份证{IDENTITY}。",
        "天津大学请致电 138****8000 或139****9000",
        "天津大学第三条没有什么",
    ]
    treated(world, project, "pseudonym", kind="id_card")
    first = texts(world, project)[0]
    assert IDENTITY not in first and not personal_information.find(first, {"id_card"})
    assert {row["state"] for row in found(world, project)} == {"treated"}
    assert scanned(world, project)["found"] == 0
    assert {row["state"] for row in found(world, project)} == {"treated"}


def test_a_text_that_answers_depend_on_is_withdrawn_instead(world: World) -> None:
    project = brought(world)
    task = min(row["id"] for row in world.tasks(project))
    path = f"/api/tasks/{task}/annotations/"
    world.good(world.post("annotator", path, {"result": entity()}), 201)
    scanned(world, project)
    result = treated(world, project, "mask", kind="id_card")
    assert result["treated"] == 0
    assert result["refused"][0]["task"] == task
    assert "withdraw" in result["refused"][0]["reason"]
    assert IDENTITY in texts(world, project)[0]
    assert treated(world, project, "withdraw", kind="id_card")["treated"] == 2
    assert world.states(project)[0] == "withdrawn"


# --- Publishing ------------------------------------------------------------------------------


def frozen(world: World, texts_: list[str]) -> tuple[int, int]:
    """Label and accept such texts, and freeze them; return (project, version)."""
    project = world.project()
    world.import_list(project, [{"text": text} for text in texts_])
    for _ in texts_:
        task = world.good(world.get("annotator", f"/api/projects/{project}/next"))
        path = f"/api/tasks/{task['id']}/annotations/"
        sent = {"result": entity(), "unique_id": task["unique_lock_id"]}
        world.good(world.post("annotator", path, sent), 201)
        task = world.good(world.get("reviewer", f"/api/projects/{project}/next_review"))
        path = f"/api/annotations/{task['annotations'][0]['id']}/reviews"
        world.good(world.post("reviewer", path, {"verdict": "accept"}), 201)
    result = world.done(world.post("requester", f"/api/projects/{project}/versions/", {}))
    return project, int(result["version"])


def test_a_clean_project_is_published_without_more_ado(world: World) -> None:
    project, version = frozen(world, ["天津大学甲", "天津大学乙"])
    asked = {**FACTS, "name": "clean"}
    world.done(world.post("requester", f"/api/versions/{version}/publish", asked))
    told = world.good(world.get("requester", f"/api/projects/{project}/scans/"))
    assert told["fresh"] and told["clear"]
    assert told["results"][0]["records"] == 2
    assert told["level"]["proposed"] == "general"


def test_open_findings_stop_publishing_until_somebody_decides(either_world: World) -> None:
    world = either_world
    project, version = frozen(world, [f"天津大学，{MOBILE}", "天津大学乙"])
    path = f"/api/versions/{version}/publish"
    asked = {**FACTS, "name": "held"}
    job = world.finished(world.good(world.post("requester", path, asked), 202)["id"])
    assert job["state"] == JobState.FAILED
    assert f"/projects/{project}/findings" in json.dumps(job["error"])
    assert MOBILE not in json.dumps(job)
    # By now it is known: the next try is refused at once, with the reasons of the facts.
    answer = world.post("requester", path, {**asked, "data_level": ""})
    assert answer.status_code == 400
    assert "data_level" in answer.text and "personal_information" in answer.text
    decided(world, project, "confirmed", kind="mobile")
    assert world.post("requester", path, asked).status_code == 400
    decided(world, project, "open", kind="mobile")
    decided(world, project, "dismissed", kind="mobile", note="公开的热线")
    world.done(world.post("requester", path, asked))


def test_what_is_decided_during_the_long_work_counts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, version = frozen(world, [f"天津大学，{MOBILE}", "天津大学乙"])
    scanned(world, project)
    decided(world, project, "dismissed", kind="mobile", note="公开的热线")
    accompany = release.accompany

    def slowly(*about: Any) -> Any:
        decided(world, project, "confirmed", kind="mobile")
        return accompany(*about)

    monkeypatch.setattr(release, "accompany", slowly)
    path, asked = f"/api/versions/{version}/publish", {**FACTS, "name": "late"}
    job = world.finished(world.good(world.post("requester", path, asked), 202)["id"])
    assert job["state"] == JobState.FAILED
    assert f"/projects/{project}/findings" in json.dumps(job["error"])
    assert world.get(None, "/api/catalogue/alpha/late/").status_code == 404
    monkeypatch.undo()
    decided(world, project, "dismissed", kind="mobile", note="公开的热线")
    world.done(world.post("requester", path, asked))


def test_a_version_from_before_the_treatment_is_not_published(world: World) -> None:
    project, version = frozen(world, [f"天津大学，{MOBILE}", "天津大学乙"])
    scanned(world, project)
    assert treated(world, project, "withdraw", kind="mobile")["treated"] == 1
    asked = {**FACTS, "name": "old"}
    answer = world.post("requester", f"/api/versions/{version}/publish", asked)
    assert answer.status_code == 400 and "personal_information" in answer.text
    result = world.done(world.post("requester", f"/api/projects/{project}/versions/", {}))
    path = f"/api/versions/{result['version']}/publish"
    world.done(world.post("requester", path, asked))


def test_a_credit_code_of_a_company_holds_up_nothing(world: World) -> None:
    project, version = frozen(world, ["天津大学 91350100M000100Y43"])
    asked = {**FACTS, "name": "companies"}
    world.done(world.post("requester", f"/api/versions/{version}/publish", asked))
    assert [row["kind"] for row in found(world, project)] == ["uscc"]


def test_the_level_follows_sources_and_findings(world: World) -> None:
    project = brought(world)
    path = f"/api/projects/{project}/scans/"
    assert world.good(world.get("requester", path))["level"]["proposed"] is None
    scanned(world, project)
    level = world.good(world.get("requester", path))["level"]
    assert (level["proposed"], level["confidence"]) == ("general", 0.9)
    with world.installation.database.write() as session:
        row = session.scalars(sa.select(Finding).where(Finding.kind == "id_card")).one()
        task = session.get_one(Task, row.task_id)
        from_scan = session.scalars(sa.select(Scan)).first()
        assert from_scan is not None
        many = [
            Seen("text", "id_card", "1****", 0.9, "text-1", f"{number:064d}", 0, 18)
            for number in range(10_000)
        ]
        findings.keep(session, from_scan, {task.id: many})
    assert world.good(world.get("requester", path))["level"]["proposed"] == "important"


# --- Libraries -------------------------------------------------------------------------------


def test_a_library_is_scanned_text_by_text(either_world: World) -> None:
    world = either_world
    path = "/api/libraries/"
    library = world.good(world.post("requester", path, {"title": "原始语料"}), 201)["id"]
    with world.installation.database.write() as session:
        actor = people.get_user(session, "requester")
        row = libraries.get(session, actor, library, "library.change")
        drafts = [
            AssetDraft(number, "", "text", f"{number}.txt", text, facts={"phone": "无"})
            for number, text in enumerate((f"手机{MOBILE}", "没有"), 1)
        ]
        prepared: Any = [
            libraries.prepare(world.installation.store, draft, media.MediaLimits(), {})
            for draft in drafts
        ]
        libraries.write(session, actor, row, "b" * 36, prepared, [])
    path = f"/api/libraries/{library}"
    result = world.done(world.post("requester", f"{path}/scans/", {}))
    assert (result["records"], result["found"]) == (2, 1)
    told = world.good(world.get("requester", f"{path}/findings/"))
    (row_,) = told["results"]
    assert (row_["masked"], row_["place"]) == ("138****8000", "text")
    assert world.good(world.post("requester", f"/api/findings/{row_['id']}/reveal"))["value"] == (
        MOBILE
    )
    asked = {"decision": "dismissed", "note": "样例", "ids": [row_["id"]]}
    assert world.good(world.post("requester", f"{path}/findings/decide", asked)) == {"decided": 1}
    assert world.done(world.post("requester", f"{path}/scans/", {}))["records"] == 0
    assert world.get("other_requester", f"{path}/findings/").status_code == 404
    assert world.get("requester", f"/libraries/{library}/findings").status_code == 200


# --- Never a value ---------------------------------------------------------------------------


def test_no_value_is_logged_kept_or_answered_where_it_should_not_be(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    project = brought(world)
    scanned(world, project)
    row = found(world, project, kind="id_card")[0]
    world.good(world.post("requester", f"/api/findings/{row['id']}/reveal"))
    world.post("manager", f"/api/findings/{row['id']}/reveal")
    treated(world, project, "mask", kind="id_card")
    world.post("requester", f"/api/findings/{row['id']}/reveal")
    # A fault in the midst of looking: neither the job nor the log says what was looked at.
    monkeypatch.setattr(findings, "keep", lambda *given, **named: 1 / 0)
    path = f"/api/projects/{project}/scans/"
    job = world.finished(world.good(world.post("requester", path, {"again": True}), 202)["id"])
    assert job["state"] == JobState.FAILED
    with world.installation.database.read() as session:
        kept = [str(event.detail) for event in session.scalars(sa.select(AuditEvent))]
        kept += [
            f"{each.request}{each.result}{each.error}{each.checkpoint}"
            for each in session.scalars(sa.select(Job))
        ]
        for table in (Finding, Scan):
            kept += [repr(tuple(each)) for each in session.execute(sa.select(*table.__table__.c))]
    logged = [record.getMessage() + str(record.exc_text or "") for record in caplog.records]
    whole = "\n".join([*kept, *logged])
    assert not [raw for raw in RAW if raw in whole]


def test_one_organisation_cannot_hold_its_fingerprints_against_anothers(world: World) -> None:
    settings = world.installation.settings
    one, other = findings.key_of(settings, 1), findings.key_of(settings, 2)
    made = {personal_information.fingerprint("mobile", MOBILE, key) for key in (one, other)}
    assert len(made) == 2


# --- Faults, and much of it ------------------------------------------------------------------


class Killed(BaseException):
    """Stands for SIGKILL: nothing may catch it."""


def test_a_killed_scan_goes_on_where_it_was(
    either_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = either_world
    project = brought(
        world, [{"text": f"天津大学{n}，手机138001380{n % 100:02d}"} for n in range(1200)]
    )
    path = f"/api/projects/{project}/scans/"
    job = world.good(world.post("requester", path, {}), 202)["id"]
    original, calls = Work.advance, [0]

    def dies(self: Work, *given: Any, **named: Any) -> None:
        calls[0] += 1
        if calls[0] == 2:
            raise Killed
        original(self, *given, **named)

    monkeypatch.setattr(Work, "advance", dies)
    with pytest.raises(Killed):
        run.perform(world.installation, job)
    assert len(found(world, project, page_size=1000)) == 500
    with world.installation.database.write() as session:
        jobs.reclaim(session, -1)
    ended = world.finished(job)
    assert ended["state"] == JobState.DONE
    assert (ended["result"]["records"], ended["result"]["found"]) == (1200, 1200)
    with world.installation.database.read() as session:
        count = sa.select(sa.func.count()).select_from(Finding)
        assert session.scalar(count) == 1200


def test_a_second_scan_is_the_one_that_waits(world: World) -> None:
    project = brought(world)
    path = f"/api/projects/{project}/scans/"
    one = world.good(world.post("requester", path, {}), 202)["id"]
    assert world.good(world.post("requester", path, {}), 202)["id"] == one


def test_a_task_takes_its_findings_along(either_world: World) -> None:
    world = either_world
    project = brought(world)
    scanned(world, project)
    number = found(world, project)[0]["task"]
    assert world.ask("DELETE", f"/api/tasks/{number}/", "requester").status_code == 204
    assert {row["task"] for row in found(world, project)} == {number + 1}


# --- Pages -----------------------------------------------------------------------------------


def test_the_page_decides_and_reveals(world: World) -> None:
    project = brought(world)
    scanned(world, project)
    browser = Browser(world)
    browser.sign_in("requester")
    form = f"/projects/{project}/findings"
    page = browser.client.get(form).text
    assert "138****8000" in page and not [raw for raw in RAW if raw in page]
    number = found(world, project, kind="id_card")[0]["id"]
    shown = browser.post(f"/findings/{number}/reveal", form)
    assert IDENTITY in shown.text
    assert shown.headers["Cache-Control"] == "no-store"
    asked = {"kind": "mobile", "state": "open", "decision": "dismissed", "note": "热线"}
    assert browser.post(form, form, **asked).status_code == 302
    assert len(found(world, project, state="dismissed")) == 3
