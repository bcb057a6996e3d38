"""Answer the ModelScope SDK in the forms it knows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from jinbiao.datasets import catalogue
from jinbiao.datasets.installation import Installation, open_installation
from jinbiao.datasets.settings import Settings
from jinbiao.tests.clients import catalogue_app, published

OLD, NEW = "/api/v1/datasets", "/openapi/v1/datasets"
NAME = published.FULL_NAME
GATED, CLOSED = (f"{published.OWNER}/{name}" for name in (published.GATED, published.CLOSED))
PARQUET = "data/test-00000-of-00001.parquet"


class ModelScope:
    """A catalogue that is asked as the SDK asks."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.tokens = published.fill_guarded(installation, published.fill(installation))
        self.client: FlaskClient = catalogue_app.create(installation).test_client(use_cookies=False)

    def ask(self, path: str, token: str | None = None, **given: Any) -> TestResponse:
        """Ask with a token in both of the SDK's forms."""
        headers = dict(given.pop("headers", {}))
        if token:
            headers |= {"Authorization": f"Bearer {token}", "Cookie": f"m_session_id={token}"}
        return self.client.open(path, headers=headers, buffered=True, **given)

    def data(self, path: str, token: str | None = None) -> Any:
        """Return the data of an answer that must be good."""
        answer = self.ask(path, token)
        assert answer.status_code == 200, answer.text
        told = answer.get_json()
        if path.startswith("/openapi"):
            assert told["success"] is True
            return told["data"]
        assert (told["Code"], told["Success"]) == (200, True)
        return told["Data"]

    def downloads(self) -> int:
        """Tell how often the open dataset was counted."""
        with self.installation.database.read() as session:
            found = catalogue.find(session, NAME)
            assert found is not None
            return found.downloads


def opened(installation: Installation) -> Iterator[ModelScope]:
    """Close an installation after its tests."""
    yield ModelScope(installation)
    installation.close()


@pytest.fixture(scope="module")
def scope(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelScope]:
    """Open one catalogue for all tests here."""
    home = tmp_path_factory.mktemp("modelscope")
    database = f"sqlite:///{home / 'a.db'}"
    yield from opened(open_installation(Settings(home, database_url=database)))


def test_a_dataset_is_told_in_both_interfaces(scope: ModelScope) -> None:
    told = scope.data(f"{OLD}/{NAME}")
    assert (told["Name"], told["Namespace"]) == (published.NAME, published.OWNER)
    assert (told["Type"], told["Visibility"], told["Gated"]) == (4, 5, False)
    assert told == scope.data(f"{OLD}/{NAME}?Revision=master")
    older = scope.data(f"{OLD}/{NAME}?Revision=v1.0.0")
    assert older["StorageSize"] < told["StorageSize"]
    newer = scope.data(f"{NEW}/{NAME}")
    assert (newer["id"], newer["license"], newer["gated"]) == (NAME, "CC-BY-4.0", False)
    assert scope.data(f"{NEW}/{GATED}")["gated"] is True
    assert scope.data(f"{OLD}/{CLOSED}", scope.tokens.owner)["Visibility"] == 1
    revisions = scope.data(f"{OLD}/{NAME}/revisions")["RevisionMap"]
    assert [each["Revision"] for each in revisions["Tags"]] == ["v1.1.0", "v1.0.0"]
    assert [each["Revision"] for each in revisions["Branches"]] == ["master"]


def paged(scope: ModelScope, path: str, size: int) -> list[dict[str, Any]]:
    """Read pages until one is shorter, as the SDK does."""
    found: list[dict[str, Any]] = []
    for page in range(1, 99):
        entries = scope.data(f"{path}&PageNumber={page}&PageSize={size}")["Files"]
        found += entries
        if len(entries) < size:
            return found
    raise AssertionError("there is no last page")


@pytest.mark.parametrize("size", [1, 3, 9, 200])
def test_the_pages_of_a_tree_are_the_tree(scope: ModelScope, size: int) -> None:
    number = scope.data(f"{OLD}/{NAME}")["Id"]
    for place in (f"{OLD}/{NAME}/repo/tree", f"{OLD}/{number}/repo/tree"):
        found = paged(scope, f"{place}?Revision=master&Recursive=True&Root=/", size)
        tree = published.tree(2)
        assert [each["Path"] for each in found] == sorted(tree)
        for each in found:
            data = tree[each["Path"]]
            assert (each["Size"], each["Type"]) == (len(data), "blob")
            assert each["Sha256"] == hashlib.sha256(data).hexdigest()
        folder = paged(scope, f"{place}?Recursive=False", size)
        assert [(each["Path"], each["Type"]) for each in folder] == [
            ("README.md", "blob"),
            ("coco", "tree"),
            ("data", "tree"),
            ("empty.txt", "blob"),
            ("page.html", "blob"),
            ("说明", "tree"),
        ]
    below = scope.data(f"{OLD}/{NAME}/repo/tree?Root=coco/masks&Recursive=True&Revision=v1.0.0")
    assert [each["Path"] for each in below["Files"]] == ["coco/masks/deep/a.txt"]


def test_a_file_is_sent_whole_in_part_and_only_told(scope: ModelScope) -> None:
    data = published.tree(2)[published.GUIDE]
    asked = {"Revision": "master", "FilePath": published.GUIDE, "Source": "SDK", "View": "False"}
    path = f"{OLD}/{NAME}/repo"
    whole = scope.ask(path, query_string=asked)
    assert (whole.status_code, whole.data) == (200, data)
    assert whole.headers["X-Linked-ETag"] == f'"{hashlib.sha256(data).hexdigest()}"'
    head = scope.ask(path, query_string=asked, method="HEAD")
    assert (head.status_code, head.content_length, head.data) == (200, len(data), b"")
    part = scope.ask(path, query_string=asked, headers={"Range": "bytes=3-"})
    assert (part.status_code, part.data) == (206, data[3:])
    assert part.headers["Content-Range"] == f"bytes 3-{len(data) - 1}/{len(data)}"
    beyond = scope.ask(path, query_string=asked, headers={"Range": f"bytes={len(data)}-"})
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{len(data)}")


def test_what_is_not_there_or_not_possible_is_told_in_its_form(scope: ModelScope) -> None:
    tree, repo = f"{OLD}/{NAME}/repo/tree", f"{OLD}/{NAME}/repo"
    for path, status in (
        (f"{OLD}/no/no", 404),
        (f"{OLD}/%E7%84%8A/%E7%BC%9D", 404),
        (f"{OLD}/99/repo/tree", 404),
        (f"{OLD}/{NAME}?Revision=v9", 404),
        (f"{OLD}/{NAME}?Revision={'x' * 300}", 404),
        (f"{tree}?Revision=refs/pr/1", 404),
        (f"{tree}?Root=nothing", 404),
        (f"{tree}?PageSize=0", 400),
        (f"{tree}?PageNumber=-1", 400),
        (f"{tree}?PageSize=1e3", 400),
        (f"{tree}?PageNumber=2000000&PageSize=10000", 400),
        (f"{tree}?PageNumber=2&PageSize=10000", 400),
        (repo, 404),
        (f"{repo}?FilePath=../README.md", 404),
        (f"{repo}?FilePath=/etc/passwd", 404),
        (f"{repo}?FilePath=data", 404),
        (f"{repo}?FilePath=a%00b", 400),
    ):
        answer = scope.ask(path)
        told = answer.get_json()
        assert (answer.status_code, told["Code"], told["Success"]) == (status, status, False), path
        assert told["Message"] and told["RequestId"]
    for path, status, code in (
        (f"{NEW}/no/no", 404, "ResourceNotFound"),
        (f"{NEW}?page_size=0", 400, "InputParameterError"),
        (f"{NEW}?page_size=3000&page_number=2", 400, "InputParameterError"),
        (f"{NEW}?sort=size", 400, "InputParameterError"),
        ("/openapi/v1/users/me", 401, "InvalidAuthentication"),
    ):
        answer = scope.ask(path)
        told = answer.get_json()
        assert (answer.status_code, told["code"], told["success"]) == (status, code, False), path


def test_guarded_datasets_are_guarded_here_too(scope: ModelScope) -> None:
    builder, owner = scope.tokens.builders[0], scope.tokens.owner
    for token, gated, closed in ((None, 401, 404), (builder, 403, 404), (owner, 200, 200)):
        for name, expected in ((GATED, gated), (CLOSED, closed)):
            for method in ("GET", "HEAD"):
                path = f"{OLD}/{name}/repo?FilePath={PARQUET}"
                answer = scope.ask(path, token, method=method)
                assert answer.status_code == expected, (name, token)
        assert scope.ask(f"{OLD}/{GATED}/repo/tree", token).status_code == 200
        assert scope.ask(f"{OLD}/{CLOSED}/repo/tree", token).status_code == closed
        assert scope.ask(f"{NEW}/{CLOSED}", token).status_code == closed
    number = scope.data(f"{OLD}/{CLOSED}", owner)["Id"]
    assert scope.ask(f"{OLD}/{number}/repo/tree").status_code == 404
    assert scope.ask(f"{OLD}/{number}/repo/tree", owner).status_code == 200


def test_datasets_are_listed_and_counted(scope: ModelScope) -> None:
    everything = scope.data(f"{NEW}?page_size=9")
    assert everything["total_count"] == len(everything["datasets"]) == 3
    assert scope.data(f"{NEW}?page_size=9", scope.tokens.owner)["total_count"] == 4
    pages = [scope.data(f"{NEW}?page_size=2&page_number={page}") for page in (1, 2, 3)]
    assert [page["total_count"] for page in pages] == [3, 3, 3]
    names = [each["id"] for page in pages for each in page["datasets"]]
    assert names == [each["id"] for each in everything["datasets"]]
    found = scope.data(f"{NEW}?search=seams&owner={published.OWNER}&filter.license=MIT")
    assert [each["id"] for each in found["datasets"]] == [f"{published.OWNER}/{published.LARGE}"]
    assert scope.data(f"{NEW}?filter.task=object-detection")["total_count"] == 3
    assert scope.data(f"{NEW}?owner=nobody")["datasets"] == []
    older = scope.ask(f"{OLD}?owner={published.OWNER}&PageSize=2").get_json()
    assert (older["TotalCount"], len(older["Data"])) == (3, 2)


def test_a_token_becomes_the_cookie_that_the_sdk_keeps(scope: ModelScope) -> None:
    token = scope.tokens.builders[0]
    answer = scope.ask("/api/v1/login", method="POST", json={"AccessToken": token})
    assert answer.get_json()["Data"]["Username"] == "builder-0"
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith(f"m_session_id={token};")
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    me = scope.ask("/openapi/v1/users/me", headers={"Cookie": f"m_session_id={token}"}).get_json()
    assert me["data"]["username"] == "builder-0"
    for bad in (scope.tokens.expired, scope.tokens.revoked, "焊缝", ""):
        refused = scope.ask("/api/v1/login", method="POST", json={"AccessToken": bad})
        assert refused.status_code == 401 and "Set-Cookie" not in refused.headers
    for sent in ({"json": {}}, {"json": {"AccessToken": 5}}, {"json": []}, {"data": b"{"}):
        assert scope.ask("/api/v1/login", method="POST", **sent).status_code == 400
    large = scope.ask("/api/v1/login", method="POST", json={"AccessToken": "x" * 20_000})
    assert large.status_code == 413
    # A form of another site cannot sign anybody in.
    form = scope.ask(
        "/api/v1/login",
        method="POST",
        data=f'{{"AccessToken": "{token}"}}',
        content_type="text/plain",
    )
    assert form.status_code == 400 and "Set-Cookie" not in form.headers


def test_a_bad_token_is_told_everywhere(scope: ModelScope) -> None:
    for path in (f"{OLD}/{NAME}", f"{OLD}/{NAME}/repo?FilePath=README.md", NEW):
        for headers in (
            {"Authorization": "Bearer wrong"},
            {"Cookie": f"m_session_id={scope.tokens.expired}"},
        ):
            assert scope.ask(path, headers=headers).status_code == 401


def test_each_file_counts_and_a_notice_does_not(scope: ModelScope) -> None:
    before = scope.downloads()
    notice = f"{OLD}/{NAME}/download"
    for path in (f"{notice}/increase", f"{notice}/uv/local?user=x"):
        assert scope.ask(path, method="POST").status_code == 200
    assert scope.downloads() == before
    scope.ask(f"{OLD}/{NAME}/repo?FilePath={PARQUET}").close()
    assert scope.downloads() == before + 1
    assert scope.ask(f"{OLD}/no/no/download/increase", method="POST").status_code == 404
    acceleration = scope.data("/api/v1/repos/internalAccelerationInfo")
    assert acceleration == {"InternalRegionQueryAddress": ""}


def test_postgres_lists_the_same(postgres_database: str, tmp_path: Any) -> None:
    installation = open_installation(Settings(tmp_path, database_url=postgres_database))
    scope = ModelScope(installation)
    found = paged(scope, f"{OLD}/{NAME}/repo/tree?Recursive=True", 4)
    assert [each["Path"] for each in found] == sorted(published.tree(2))
    assert scope.data(f"{NEW}?filter.license=MIT&search=seams")["total_count"] == 1
    assert scope.ask(f"{OLD}/{2**40}/repo/tree").status_code == 404
    installation.close()
