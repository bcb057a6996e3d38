"""Publishing asks for all facts at once; files under conditions are applied for step by step."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
import sqlalchemy as sa

from jinbiao.datasets.db import now
from jinbiao.datasets.opening import Application
from jinbiao.tests.factories import CREDIT_CODE
from jinbiao.tests.server.test_people import Browser
from jinbiao.tests.server.world import APPLICATION, FACTS, World

BASE = "/api/datasets-applications/"
GATED = {**FACTS, "openness": "conditional", "open_condition": "仅限研究", "name": "gated"}
FILE = "/datasets/alpha/gated/resolve/main/README.md"


@pytest.fixture(scope="module")
def version(shared_world: World) -> int:
    """Freeze once for the tests that only ask."""
    return shared_world.frozen(2)[1]


@pytest.fixture
def gated(world: World) -> World:
    """Publish a dataset under conditions."""
    _project, version = world.frozen(2)
    world.done(world.post("requester", f"/api/versions/{version}/publish", GATED))
    return world


@pytest.fixture(scope="module")
def asking(shared_world: World, version: int) -> World:
    """Publish one under conditions for the tests that only ask."""
    path = f"/api/versions/{version}/publish"
    shared_world.done(shared_world.post("requester", path, GATED))
    return shared_world


def refused(world: World, version: int, asked: dict[str, Any]) -> dict[str, list[str]]:
    answer = world.post("requester", f"/api/versions/{version}/publish", asked)
    assert answer.status_code == 400, answer.text
    assert world.waiting() == []
    found: dict[str, list[str]] = answer.json["validation_errors"]
    return found


def test_all_that_is_missing_to_publish_is_told_at_once(shared_world: World, version: int) -> None:
    told = refused(shared_world, version, {"name": "texts"})
    # The provider is the organisation; its code nobody has said.
    needed = {"openness", "data_level", "rights_basis", "domain", "update_cycle"}
    assert set(told) == needed | {"provider_code"}
    told = refused(shared_world, version, {"name": "texts", "openness": "conditional"})
    assert "open_condition" in told and "openness" not in told


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"data_level": "core", "openness": "closed"}, "data_level"),
        ({"data_level": "important"}, "openness"),
        ({"data_level": "important", "openness": "conditional", "open_condition": "x"}, "openness"),
        ({"openness": "conditional"}, "open_condition"),
        ({"openness": "public"}, "openness"),
        ({"domain": "magic"}, "domain"),
        ({"provider_code": CREDIT_CODE[:-1] + "9"}, "provider_code"),
        ({"provider_code": ""}, "provider_code"),
        ({"provider": "x" * 201}, "provider"),
        ({"provider": ["x"]}, "provider"),
        ({"region": "12"}, "region"),
        ({"covers_from": "2026-02-30"}, "covers_from"),
        ({"covers_from": "2026-02-02", "covers_to": "2026-02-01"}, "covers_to"),
        ({"contact_email": "nobody"}, "contact_email"),
        ({"resource_code": "甲"}, "resource_code"),
        ({"open_condition": "x" * 4001}, "open_condition"),
        ({"sheet": [1]}, "sheet"),
        ({"sheet": {"a": "x" * 200_000}}, "sheet"),
    ],
    ids=str,
)
def test_a_fact_that_cannot_be_is_named(
    shared_world: World, version: int, changes: dict[str, Any], place: str
) -> None:
    told = refused(shared_world, version, {**FACTS, "name": "texts", **changes})
    assert set(told) == {place} and all(told[place])


def test_important_data_is_published_to_its_own_people_only(world: World) -> None:
    _project, version = world.frozen(2)
    asked = {**FACTS, "name": "texts", "data_level": "important", "openness": "closed"}
    world.done(world.post("requester", f"/api/versions/{version}/publish", asked))
    path = "/api/catalogue/alpha/texts/"
    found = [world.get(who, path).status_code for who in (None, "builder", "annotator")]
    assert found == [404, 404, 200]


def test_what_is_known_of_a_dataset_needs_not_be_said_again(asking: World, version: int) -> None:
    asking.done(asking.post("requester", f"/api/versions/{version}/publish", {"name": "gated"}))
    facts = asking.good(asking.get("requester", "/api/catalogue/alpha/gated/facts/"))
    assert (facts["domain"], facts["openness"], facts["missing"]) == ("industry", "conditional", [])
    told = refused(asking, version, {"name": "gated", "domain": ""})
    assert set(told) == {"domain"}
    assert "data_level" in refused(asking, version, {"name": "another"})


def test_facts_are_changed_by_the_owner_and_closing_is_at_once(gated: World) -> None:
    path = "/api/catalogue/alpha/gated/facts/"
    changed = gated.good(gated.patch("requester", path, {"region": "120101", "domain": "city"}))
    assert (changed["region"], changed["domain"], changed["openness"]) == (
        "120101",
        "city",
        "conditional",
    )
    assert gated.patch("requester", path, {"data_level": "core"}).status_code == 400
    assert gated.patch("requester", path, {"magic": 1}).status_code == 400
    assert gated.patch("other_requester", path, {"domain": "law"}).status_code == 404
    assert gated.get(None, "/api/catalogue/alpha/gated/").status_code == 200
    gated.good(gated.patch("requester", path, {"openness": "closed"}))
    assert gated.get("builder", "/api/catalogue/alpha/gated/").status_code == 404
    assert gated.patch("other_requester", path, {"domain": "law"}).status_code == 404
    audit = gated.get("auditor", "/audit").text
    assert "alpha/gated" in audit


def applied(world: World, who: str = "builder", **changes: Any) -> dict[str, Any]:
    asked = {**APPLICATION, "dataset": "alpha/gated", **changes}
    told: dict[str, Any] = world.good(world.post(who, BASE, asked), 201)
    return told


def test_from_an_application_to_the_files_and_out_again(gated: World) -> None:
    assert gated.get("builder", FILE).status_code == 403
    assert gated.get(None, FILE).status_code == 401
    made = applied(gated)
    path = f"{BASE}{made['id']}/"
    assert (made["state"], made["dataset"]) == ("submitted", "alpha/gated")
    assert made["due_at"] is not None and gated.get("builder", FILE).status_code == 403
    (line,) = gated.good(gated.get("requester", f"{BASE}queue/"))["results"]
    assert (line["contact_name"], line["contact_phone"]) == ("李**", "138****34")
    assert gated.good(gated.get("requester", path))["contact_phone"] == "13800001234"
    decided = gated.good(gated.post("requester", f"{path}decide", {"decision": "approve"}))
    assert (decided["state"], gated.get("builder", FILE).status_code) == ("approved", 403)
    shown = gated.good(gated.get("builder", path))
    assert "李小明" in shown["agreement"]
    assert [step["by"] for step in shown["steps"]] == ["builder", None]
    stale = {"digest": "0" * 64, "signature": "李小明"}
    assert gated.post("builder", f"{path}sign", stale).status_code == 412
    signed = {"digest": shown["agreement_digest"], "signature": "李小明"}
    opened = gated.good(gated.post("builder", f"{path}sign", signed))
    assert (opened["state"], gated.get("builder", FILE).status_code) == ("released", 200)
    reported = {"usage_report": "模型已上线"}
    told = gated.good(gated.post("builder", f"{path}report", reported))
    assert told["state"] == "usage_reported"
    assert gated.post("requester", f"{path}decide", {"decision": "revoke"}).status_code == 400
    ended = {"decision": "revoke", "reason": "违反协议"}
    told = gated.good(gated.post("requester", f"{path}decide", ended))
    assert (told["state"], gated.get("builder", FILE).status_code) == ("revoked", 403)


def test_nobody_else_sees_an_application(gated: World) -> None:
    number = applied(gated)["id"]
    for who in ("other_requester", "other_annotator", "company", "regulator", "annotator"):
        assert gated.get(who, f"{BASE}{number}/").status_code == 404
        assert gated.get(who, f"/applications/{number}").status_code == 404
        assert gated.good(gated.get(who, BASE)) == []
    assert gated.good(gated.get("other_requester", f"{BASE}queue/"))["results"] == []
    asked = {"decision": "approve"}
    assert gated.post("other_requester", f"{BASE}{number}/decide", asked).status_code == 404
    assert gated.post("company", f"{BASE}{number}/sign", {}).status_code == 404


def test_a_term_that_is_over_shuts_the_files(gated: World) -> None:
    made = applied(gated, signature="李小明")
    path = f"{BASE}{made['id']}/decide"
    told = gated.good(gated.post("requester", path, {"decision": "approve"}))
    assert (told["state"], gated.get("builder", FILE).status_code) == ("released", 200)
    with gated.installation.database.write() as session:
        over = now() - dt.timedelta(seconds=1)
        session.execute(sa.update(Application).values(expires_at=over))
    assert gated.get("builder", FILE).status_code == 403
    assert gated.good(gated.get("builder", BASE))[0]["state"] == "expired"


def test_a_draft_is_kept_completed_and_deleted(gated: World) -> None:
    asked = {"dataset": "alpha/gated", "act": "draft", "purpose": "试验"}
    made = gated.good(gated.post("builder", BASE, asked), 201)
    assert (made["state"], made["purpose"]) == ("draft", "试验")
    assert gated.get("requester", f"{BASE}{made['id']}/").status_code == 404
    again = applied(gated)
    assert (again["id"], again["state"]) == (made["id"], "submitted")
    taken = gated.good(gated.post("builder", f"{BASE}{made['id']}/take-back", {}))
    assert taken["state"] == "draft"
    assert gated.ask("DELETE", f"{BASE}{made['id']}/", "builder").status_code == 204
    assert gated.good(gated.get("builder", BASE)) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("applicant_type", "robot"),
        ("organisation_code", "1"),
        ("contact_phone", "call me"),
        ("contact_email", 7),
        ("purpose", ["x"]),
        ("term_days", 0),
        ("term_days", 10**30),
        ("term_days", True),
        ("access_method", "sandbox"),
        ("security_statement", "x" * 4001),
        ("commitment", False),
        ("signature", "somebody else"),
        ("magic", 1),
        ("act", "hurry"),
    ],
)
def test_a_bad_field_of_an_application_is_named(asking: World, field: str, value: object) -> None:
    answer = asking.post("builder", BASE, {**APPLICATION, "dataset": "alpha/gated", field: value})
    assert answer.status_code == 400, answer.text
    assert answer.json["validation_errors"].keys() == {field}


def signed_in(world: World, who: str) -> Browser:
    browser = Browser(world)
    assert browser.sign_in(who).status_code == 302
    return browser


def test_pages_lead_through_it(gated: World) -> None:
    builder, owner = signed_in(gated, "builder"), signed_in(gated, "requester")
    form, dataset = "/datasets/alpha/gated/apply", "/datasets/alpha/gated"
    assert form in builder.client.get(dataset).text
    assert "sign-in?next=" in gated.get(None, dataset).text
    values = {**APPLICATION, "commitment": "true", "term_days": "30", "act": "send"}
    sent = builder.post(form, form, **values)
    assert sent.status_code == 302
    where = sent.location
    assert builder.client.get(form).location == where
    assert "13800001234" not in owner.client.get("/applications/queue").text
    assert "13800001234" in owner.client.get(where).text
    assert owner.post(f"{where}/decide", where, decision="approve").status_code == 302
    # The tick was taken away: the provider opens the files by hand.
    found = re.search(r'name="digest" value="([0-9a-f]{64})"', builder.client.get(where).text)
    assert found
    asked = {"digest": found[1], "signature": "李小明"}
    assert builder.post(f"{where}/sign", where, **asked).status_code == 302
    assert gated.get("builder", FILE).status_code == 403
    assert owner.post(f"{where}/decide", where, decision="approve").status_code == 302
    assert gated.get("builder", FILE).status_code == 200
    for browser in (builder, owner):
        assert where in browser.client.get("/notices").text
    for path in ("/applications", dataset):
        assert where in builder.client.get(path).text
    assert where in owner.client.get("/applications/queue?list=running").text
    facts = "/datasets/alpha/gated/facts"
    changed = owner.post(facts, facts, **{**FACTS, "openness": "closed"})
    assert changed.status_code == 302
    assert builder.client.get(dataset).status_code == 404
    assert gated.get("builder", FILE).status_code in (403, 404)
