"""Guard what is open under conditions or closed, whichever way the hub is asked."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from jinbiao.datasets import catalogue, people, tombstones
from jinbiao.datasets.catalogue import Openness
from jinbiao.datasets.installation import Installation, open_installation
from jinbiao.datasets.settings import Settings
from jinbiao.server.hub.protocol import HubError
from jinbiao.server.hub.settings import wanted
from jinbiao.tests.clients import catalogue_app, published

GATED = f"{published.OWNER}/{published.GATED}"
CLOSED = f"{published.OWNER}/{published.CLOSED}"
FILE = "data/test-00000-of-00001.parquet"
RESOLVE = f"/datasets/{GATED}/resolve/main/{FILE}"
REQUESTS = f"/api/datasets/{GATED}/user-access-request"


class Guarded:
    """A catalogue with guarded datasets, and those who ask."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        owner = published.fill(installation)
        self.tokens = published.fill_guarded(installation, owner)
        self.client: FlaskClient = catalogue_app.create(installation).test_client(use_cookies=False)

    def ask(
        self, path: str, token: str | None = None, *, method: str = "GET", **given: Any
    ) -> TestResponse:
        """Ask with a token in the form of the Hub's clients."""
        headers = dict(given.pop("headers", {}))
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return self.client.open(path, method=method, headers=headers, buffered=True, **given)


@pytest.fixture
def guarded(tmp_path: Any) -> Iterator[Guarded]:
    """Open a catalogue of one's own, since access changes."""
    installation = open_installation(
        Settings(tmp_path, database_url=f"sqlite:///{tmp_path / 'a.db'}")
    )
    yield Guarded(installation)
    installation.close()


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """Open one catalogue for the tests that only ask."""
    home = tmp_path_factory.mktemp("guarded")
    installation = open_installation(Settings(home, database_url=f"sqlite:///{home / 'a.db'}"))
    yield Guarded(installation)
    installation.close()


@pytest.fixture(scope="module")
def shaken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """Open one catalogue that may look like anything after it was shaken."""
    home = tmp_path_factory.mktemp("shaken")
    installation = open_installation(Settings(home, database_url=f"sqlite:///{home / 'a.db'}"))
    yield Guarded(installation)
    installation.close()


@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=0-9"}])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_only_the_files_of_a_gated_dataset_are_kept_back(
    unchanged: Guarded, method: str, headers: dict[str, str]
) -> None:
    builder = unchanged.tokens.builders[0]
    for token, status in ((None, 401), (builder, 403)):
        answer = unchanged.ask(RESOLVE, token, method=method, headers=headers)
        assert answer.status_code == status
        assert answer.headers["X-Error-Code"] == "GatedRepo"
        assert answer.headers["X-Repo-Commit"] == "3" * 40
        assert answer.headers["X-Error-Message"].isascii()
        assert "ETag" not in answer.headers
    own = unchanged.ask(RESOLVE, unchanged.tokens.owner, method=method, headers=headers)
    assert own.status_code in (200, 206)
    assert own.headers["Cache-Control"] == "private, no-store"
    for path in ("", "/revision/v1.0.1", "/tree/main", "/refs", "/commits/main"):
        assert unchanged.ask(f"/api/datasets/{GATED}{path}").status_code == 200
    assert unchanged.ask(f"/api/datasets/{GATED}").get_json()["gated"] == "manual"


def test_a_closed_dataset_is_there_for_its_own_people_only(unchanged: Guarded) -> None:
    tokens = unchanged.tokens
    paths = [f"/api/datasets/{CLOSED}{rest}" for rest in ("", "/refs", "/tree/main", "/auth-check")]
    for path in [*paths, f"/datasets/{CLOSED}/resolve/main/{FILE}"]:
        found = [unchanged.ask(path, token) for token in (None, tokens.builders[0], tokens.owner)]
        assert [answer.status_code for answer in found] == [401, 404, 200], path
        missing = unchanged.ask(path.replace("closed", "missing"))
        # What is closed looks like what is not there.
        assert (missing.status_code, missing.data) == (401, found[0].data)
        assert found[1].headers["X-Error-Code"] == "RepoNotFound"
    own = unchanged.ask(paths[0], tokens.owner).get_json()
    assert (own["private"], own["gated"]) == (True, False)
    listed = {token: unchanged.ask("/api/datasets", token).text for token in (None, tokens.owner)}
    assert CLOSED not in listed[None] and CLOSED in listed[tokens.owner]


def test_a_token_that_is_no_good_is_told_in_all_forms(unchanged: Guarded) -> None:
    for token in (unchanged.tokens.expired, unchanged.tokens.revoked, "焊缝"):
        pair = base64.b64encode(f"user:{token}".encode()).decode()
        raw = token.encode().decode("latin-1")
        for headers in (
            {"Authorization": f"Bearer {raw}"},
            {"Authorization": raw},
            {"Authorization": f"Basic {pair}"},
            {"Cookie": f"m_session_id={raw}"},
        ):
            for path in (RESOLVE, "/api/datasets", f"/api/datasets/{GATED}", "/api/whoami-v2"):
                answer = unchanged.ask(path, headers=headers)
                assert answer.status_code == 401, (headers, path)
                told = answer.headers["X-Error-Message"]
                assert told == "Invalid credentials in Authorization header"


def test_lists_are_narrowed_and_unknown_wishes_named(unchanged: Guarded) -> None:
    def names(query: str) -> list[str]:
        found = unchanged.ask(f"/api/datasets?{query}").get_json()
        return sorted(each["id"].partition("/")[2] for each in found)

    assert names("gated=true") == names("gated=manual") == [published.GATED]
    assert names("gated=False") == [published.LARGE, published.NAME]
    assert names("gated=auto") == []
    assert names("search=seams&search=gated") == [published.GATED]
    assert names("filter=license:mit&filter=weld") == [published.LARGE]
    assert names("filter=license:mit&filter=license:cc-by-4.0") == names("filter=eld") == []
    assert names("filter=language:zh&filter=language:en") == []
    for query, field in (
        ("sort=size", "sort"),
        ("gated=perhaps", "gated"),
        ("expand=everything", "expand"),
    ):
        answer = unchanged.ask(f"/api/datasets?{query}")
        assert answer.status_code == 400
        assert answer.get_json()["error"].startswith(f'"{field}" must be one of')


def test_every_property_can_be_asked_for_alone(unchanged: Guarded) -> None:
    said = "author cardData citation createdAt description disabled downloads downloadsAllTime"
    said += " gated lastModified likes mainSize paperswithcode_id private resourceGroup sha"
    said += " siblings tags trendingScore usedStorage"
    for name in said.split():
        told = unchanged.ask(f"/api/datasets/{GATED}?expand={name}").get_json()
        assert set(told) == {"id", name}
    everything = "&".join(f"expand[]={name}" for name in said.split())
    assert len(unchanged.ask(f"/api/datasets?{everything}&limit=1").get_json()[0]) == 21


def test_unknown_addresses_and_ranges_are_told(unchanged: Guarded) -> None:
    for path in ("/api/agent-harnesses", "/api/datasets/a/b/c", "/api/v2/x", "/api/models"):
        answer = unchanged.ask(path)
        assert answer.status_code == 404 and answer.is_json, path
    token = unchanged.tokens.owner
    beyond = unchanged.ask(RESOLVE, token, headers={"Range": "bytes=99999999-"})
    assert beyond.status_code == 416
    assert beyond.headers["Content-Range"].startswith("bytes */")
    assert beyond.headers["X-Repo-Commit"] == "3" * 40
    for path in ("..%2F..%2Fsecret", "data%2F..%2FREADME.md", "%2e%2e/x", "data//x"):
        answer = unchanged.ask(f"/datasets/{GATED}/resolve/main/{path}", token)
        assert answer.status_code in (404, 308), path
        assert "焊缝" not in answer.text


def test_a_withdrawn_file_is_gone_at_its_revision(guarded: Guarded) -> None:
    with guarded.installation.database.write() as session:
        dataset = catalogue.find(session, published.FULL_NAME)
        assert dataset is not None
        release = catalogue.resolve(session, dataset, "v1.0.0")
        assert release is not None
        owner = people.get_user(session, "owner")
        stone = tombstones.Tombstone(
            dataset_id=dataset.id, key="a", reason="含人脸", created_by=owner.id
        )
        session.add(stone)
        session.flush()
        tombstones.withhold(session, stone, release, {FILE})
    path = f"/datasets/{published.FULL_NAME}/resolve/{{}}/{FILE}"
    for method in ("GET", "HEAD"):
        for revision in ("v1.0.0", published.COMMITS["v1.0.0"]):
            answer = guarded.ask(path.format(revision), guarded.tokens.owner, method=method)
            assert answer.status_code == 451
            assert answer.headers["X-Error-Code"] == "Withdrawn"
            assert answer.headers["X-Repo-Commit"] == published.COMMITS["v1.0.0"]
            assert answer.headers["X-Error-Message"].isascii()
    assert guarded.ask(path.format("main")).status_code == 200
    assert guarded.ask(f"/datasets/{published.FULL_NAME}/resolve/v1.0.0/README.md").status_code
    modelscope = f"/api/v1/datasets/{published.FULL_NAME}/repo?Revision=v1.0.0&FilePath={FILE}"
    assert guarded.ask(modelscope).status_code == 451


def test_an_application_can_be_a_form_and_names_what_is_missing(guarded: Guarded) -> None:
    builder, path = guarded.tokens.builders[0], f"/datasets/{GATED}/ask-access"
    empty = guarded.ask(path, builder, method="POST", json={"purpose": "训练"})
    assert empty.status_code == 400
    assert empty.headers["X-Error-Message"].isascii()
    faults = [each["message"].partition(":")[0] for each in empty.get_json()["errors"]]
    assert "contact_phone" in faults and "purpose" not in faults
    for body in (b"[1]", b"{", "焊".encode()):
        answer = guarded.ask(
            path, builder, method="POST", data=body, content_type="application/json"
        )
        assert answer.status_code == 400
    long = {**published.APPLICATION, "purpose": "x" * 2_000_000}
    assert guarded.ask(path, builder, method="POST", json=long).status_code == 413
    form = {**published.APPLICATION, "commitment": "true"}
    assert guarded.ask(path, builder, method="POST", data=form).status_code == 200
    (told,) = guarded.ask(f"{REQUESTS}/pending", guarded.tokens.owner).get_json()
    assert told["user"]["user"] == "builder-0"
    assert told["fields"]["purpose"] == published.APPLICATION["purpose"]


def test_nobody_changes_anything_by_a_cookie_or_without_the_right(guarded: Guarded) -> None:
    tokens = guarded.tokens
    changes = (
        ("POST", f"/datasets/{GATED}/ask-access", published.APPLICATION),
        ("POST", f"{REQUESTS}/handle", {"user": "builder-0", "status": "accepted"}),
        ("POST", f"{REQUESTS}/grant", {"user": "builder-0"}),
        ("PUT", f"/api/datasets/{GATED}/settings", {"gated": False}),
    )
    with guarded.installation.database.write() as session:
        owner = people.get_user(session, "owner")
        _token, limited = people.add_token(session, owner, scopes=["read"])
    for method, path, sent in changes:
        assert guarded.ask(path, method=method, json=sent).status_code == 401
        cookie = {"Cookie": f"m_session_id={tokens.owner}"}
        assert guarded.ask(path, method=method, json=sent, headers=cookie).status_code == 403
        for token in (tokens.builders[1], limited) if "ask-access" not in path else ():
            assert guarded.ask(path, token, method=method, json=sent).status_code == 403
    assert guarded.ask(RESOLVE).status_code == 401
    assert guarded.ask(RESOLVE, tokens.builders[0]).status_code == 403
    assert guarded.ask(f"{REQUESTS}/accepted", tokens.builders[0]).status_code == 403


def test_requests_are_paged_decided_and_found_by_their_number(guarded: Guarded) -> None:
    owner, path = guarded.tokens.owner, f"/datasets/{GATED}/ask-access"
    for builder in guarded.tokens.builders:
        sent = published.APPLICATION
        assert guarded.ask(path, builder, method="POST", json=sent).status_code == 200
    listed: list[dict[str, Any]] = []
    following = f"{REQUESTS}/pending?limit=2"
    while following:
        answer = guarded.ask(following, owner)
        listed += answer.get_json()
        link = answer.headers.get("Link", "")
        following = link.partition("<http://localhost")[2].partition(">")[0]
    assert [each["user"]["user"] for each in listed] == [f"builder-{n}" for n in range(5)]
    told = {"requestId": listed[2]["requestId"], "status": "accepted"}
    handle = f"{REQUESTS}/handle"
    assert guarded.ask(handle, owner, method="POST", json=told).status_code == 200
    assert guarded.ask(RESOLVE, guarded.tokens.builders[2]).status_code == 200
    assert guarded.ask(RESOLVE, guarded.tokens.builders[3]).status_code == 403
    for strange in (
        {"requestId": "99", "status": "accepted"},
        {"requestId": "x", "status": "accepted"},
        {"user": "nobody", "status": "accepted"},
        {"user": "owner", "status": "accepted"},
    ):
        assert guarded.ask(handle, owner, method="POST", json=strange).status_code == 404, strange
    for strange in (
        {"user": "builder-0", "status": "perhaps"},
        {"user": "builder-0", "status": ["accepted"]},
        {"user": 7, "status": "accepted"},
        {"user": "builder-0", "status": "rejected"},
        {"user": "builder-0", "status": "rejected", "rejectionReason": 3},
        {"user": "builder-2", "status": "pending"},
    ):
        answer = guarded.ask(handle, owner, method="POST", json=strange)
        assert answer.status_code == 400, (strange, answer.text)
    cursor = base64.urlsafe_b64encode(json.dumps(["x"]).encode()).decode()
    assert guarded.ask(f"{REQUESTS}/pending?cursor={cursor}", owner).status_code == 400
    assert guarded.ask(f"{REQUESTS}/anything", owner).status_code == 404


@pytest.mark.parametrize(
    ("told", "now", "then"),
    [
        ({"gated": "manual"}, Openness.OPEN, Openness.CONDITIONAL),
        ({"gated": False}, Openness.CONDITIONAL, Openness.OPEN),
        ({"gated": False}, Openness.CLOSED, Openness.CLOSED),
        ({"gated": "manual"}, Openness.CLOSED, Openness.CLOSED),
        ({"private": True}, Openness.OPEN, Openness.CLOSED),
        ({"private": True, "gated": "manual"}, Openness.OPEN, Openness.CLOSED),
        ({"private": False, "gated": "manual"}, Openness.CLOSED, Openness.CONDITIONAL),
        ({"private": False}, Openness.CLOSED, Openness.OPEN),
        ({"private": False}, Openness.CONDITIONAL, Openness.CONDITIONAL),
        ({"visibility": "private"}, Openness.CONDITIONAL, Openness.CLOSED),
        ({"visibility": "public"}, Openness.OPEN, Openness.OPEN),
    ],
)
def test_settings_say_how_open_a_dataset_is(told: dict[str, Any], now: str, then: str) -> None:
    assert wanted(told, now) == then


@pytest.mark.parametrize(
    "told",
    [{}, {"gated": "auto"}, {"gated": True}, {"gated": []}, {"private": "no"}, {"visibility": 1}],
)
def test_settings_that_mean_nothing_are_refused(told: dict[str, Any]) -> None:
    with pytest.raises(HubError) as refused:
        wanted(told, Openness.OPEN)
    assert refused.value.status == 400


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
NAMES = ["user", "requestId", "status", "rejectionReason", "gated", "private", "visibility"]
VALUES = ANYTHING | st.sampled_from(["accepted", "pending", "manual", "builder-0", "owner", "1"])


@given(
    path=st.sampled_from(
        [
            ("POST", f"{REQUESTS}/handle"),
            ("POST", f"{REQUESTS}/grant"),
            ("PUT", f"/api/datasets/{GATED}/settings"),
            ("POST", f"/datasets/{GATED}/ask-access"),
        ]
    ),
    sent=ANYTHING | st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=4),
    as_owner=st.booleans(),
)
@hypothesis_settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None
)
def test_no_change_that_is_asked_for_breaks_the_hub(
    shaken: Guarded, path: tuple[str, str], sent: Any, as_owner: bool
) -> None:
    token = shaken.tokens.owner if as_owner else shaken.tokens.builders[0]
    answer = shaken.ask(path[1], token, method=path[0], json=sent)
    assert answer.status_code < 500, (path, sent)
    assert answer.headers.get("X-Error-Message", "").isascii()


@given(
    path=st.sampled_from(
        [
            "/api/datasets",
            f"/api/datasets/{published.FULL_NAME}",
            f"/api/datasets/{published.FULL_NAME}/tree/main",
            f"/api/datasets/{published.FULL_NAME}/commits/main",
            f"{REQUESTS}/pending",
            f"/api/v1/datasets/{published.FULL_NAME}/repo/tree",
            f"/api/v1/datasets/{published.FULL_NAME}/repo",
            "/api/v1/datasets",
            "/openapi/v1/datasets",
        ]
    ),
    asked=st.dictionaries(
        st.sampled_from(
            "search author filter gated sort limit cursor expand full recursive blobs Revision "
            "Root FilePath Recursive PageNumber PageSize page_number page_size owner".split()
        ),
        st.text(max_size=12)
        | st.integers().map(str)
        | st.lists(ANYTHING, max_size=2).map(
            lambda said: base64.urlsafe_b64encode(json.dumps(said).encode()).decode()
        ),
        max_size=4,
    ),
)
@hypothesis_settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=120, deadline=None
)
def test_nothing_that_is_asked_for_breaks_the_protocols(
    shaken: Guarded, path: str, asked: dict[str, str]
) -> None:
    answer = shaken.ask(path, shaken.tokens.owner, query_string=asked)
    assert answer.status_code < 500, (path, asked)
