"""Answer the Hugging Face Hub's clients in the forms they know."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import event
from werkzeug.test import TestResponse

from jinbiao.datasets import catalogue
from jinbiao.datasets.exports import WrittenFile
from jinbiao.datasets.installation import Installation, open_installation
from jinbiao.datasets.settings import Settings
from jinbiao.server.hub.files import with_folders
from jinbiao.tests.clients import catalogue_app, published

API = f"/api/datasets/{published.FULL_NAME}"
RESOLVE = f"/datasets/{published.FULL_NAME}/resolve"
NEWEST = published.COMMITS[published.SECOND]


class Catalogue:
    """A filled catalogue, a client of it, and a token."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.token = published.fill(installation)
        self.client: FlaskClient = catalogue_app.create(installation).test_client(use_cookies=False)

    def get(self, path: str, **headers: str) -> TestResponse:
        """Ask without a token unless one is in the headers."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.get(path, headers=named, buffered=True)

    def json(self, path: str) -> Any:
        """Ask for JSON that must be there."""
        response = self.get(path)
        assert response.status_code == 200, response.text
        return response.json

    def pages(self, path: str) -> list[Any]:
        """Follow the links to the last page."""
        listed: list[Any] = []
        while path:
            response = self.get(path)
            assert response.status_code == 200, response.text
            listed += response.json
            link = response.headers.get("Link", "")
            path = link.partition("<http://localhost")[2].partition(">")[0]
        return listed

    def downloads(self) -> int:
        """Tell how often the dataset was counted."""
        with self.installation.database.read() as session:
            found = catalogue.find(session, published.FULL_NAME)
            assert found is not None
            return found.downloads


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    """Open one catalogue for all tests that only read."""
    home = tmp_path_factory.mktemp("home")
    installation = open_installation(Settings(home, database_url=f"sqlite:///{home / 'a.db'}"))
    yield Catalogue(installation)
    installation.close()


@pytest.fixture(scope="module")
def many(hub: Catalogue) -> str:
    """Publish a dataset of 2,630 files in few and many folders; give its API address."""
    digest = "0" * 64
    paths = [f"flat/{n:05}.jpg" for n in range(1200)]
    paths += [f"deep/{n:04}/x/{m}.txt" for n in range(1100) for m in range(1)]
    paths += [f"deep/0500/{m:03}" for m in range(300)]
    paths += [f"root {n:02}.txt" for n in range(28)]
    paths += ["deep0", "deep.txt"]
    files = [WrittenFile(path, digest, 1) for path in paths]
    published.release(hub.installation.database, "many", "v9.0.0", "9" * 40, files, licence="MIT")
    return f"/api/datasets/{published.OWNER}/many"


def test_info_is_what_the_clients_read(hub: Catalogue) -> None:
    info = hub.json(API)
    assert info["id"] == published.FULL_NAME
    assert info["sha"] == NEWEST
    assert (info["private"], info["gated"], info["disabled"]) == (False, False, False)
    assert info["cardData"] == published.CARD
    assert info["author"] == published.OWNER
    assert info["createdAt"].endswith(".000Z")
    assert set(info["tags"]) == {
        "task_categories:object-detection",
        "language:zh",
        "license:cc-by-4.0",
        "焊缝",
        "weld",
    }
    assert {"rfilename": published.GUIDE} in info["siblings"]
    assert len(info["siblings"]) == 9
    assert "xetHash" not in hub.get(API).text


@pytest.mark.parametrize("value", ["true", "True"])
def test_info_with_blobs_has_sizes_and_digests(hub: Catalogue, value: str) -> None:
    siblings = hub.json(f"{API}?blobs={value}")["siblings"]
    guide = next(s for s in siblings if s["rfilename"] == published.GUIDE)
    digest = hashlib.sha256(published.GUIDE_TEXT.encode()).hexdigest()
    assert guide["lfs"]["sha256"] == digest
    assert guide["size"] == guide["lfs"]["size"] == len(published.GUIDE_TEXT.encode())
    assert len(guide["blobId"]) == 40


def test_info_with_expand_has_only_that(hub: Catalogue) -> None:
    assert set(hub.json(f"{API}?expand=sha&expand=downloads")) == {"id", "sha", "downloads"}
    assert set(hub.json(f"{API}?expand[]=siblings")) == {"id", "siblings"}


@pytest.mark.parametrize(
    ("revision", "tag"),
    [
        ("main", published.SECOND),
        ("master", published.SECOND),
        ("v1.0.0", published.FIRST),
        (published.COMMITS[published.FIRST], published.FIRST),
        ("refs/heads/main", published.SECOND),
        ("refs/tags/v1.0.0", published.FIRST),
        ("refs%2Ftags%2Fv1.0.0", published.FIRST),
    ],
)
def test_a_revision_is_a_branch_a_tag_or_a_commit(hub: Catalogue, revision: str, tag: str) -> None:
    commit = published.COMMITS[tag]
    assert hub.json(f"{API}/revision/{revision}")["sha"] == commit
    assert len(hub.json(f"{API}/tree/{revision}/data")) == (2 if tag == published.FIRST else 3)
    response = hub.get(f"{RESOLVE}/{revision}/coco/annotations.json")
    assert response.headers["X-Repo-Commit"] == commit
    described = hub.client.post(f"{API}/paths-info/{revision}", data={"paths": ["README.md"]})
    assert described.json is not None and len(described.json) == 1
    assert hub.json(f"{API}/commits/{revision}")[0]["id"] == commit


def test_a_file_is_sent_with_the_headers_that_clients_need(hub: Catalogue) -> None:
    path = "%E8%AF%B4%E6%98%8E/%E6%A0%87%E6%B3%A8%20%E8%A7%84%E8%8C%83%20%231%20100%25.md"
    digest = hashlib.sha256(published.GUIDE_TEXT.encode()).hexdigest()
    head = hub.client.head(f"{RESOLVE}/main/{path}")
    response = hub.get(f"{RESOLVE}/main/{path}")
    assert response.data == published.GUIDE_TEXT.encode()
    for answer in (head, response):
        assert answer.status_code == 200
        assert answer.headers["X-Repo-Commit"] == NEWEST
        assert answer.headers["ETag"] == answer.headers["X-Linked-ETag"] == f'"{digest}"'
        assert answer.headers["Content-Length"] == answer.headers["X-Linked-Size"]
        assert answer.headers["Content-Length"] == str(len(response.data))
        assert "X-Xet-Hash" not in answer.headers


def test_an_empty_file_is_empty(hub: Catalogue) -> None:
    response = hub.get(f"{RESOLVE}/main/empty.txt")
    assert (response.status_code, response.data) == (200, b"")
    assert response.headers["Content-Length"] == "0"


def test_a_page_of_a_dataset_does_not_run(hub: Catalogue) -> None:
    response = hub.get(f"{RESOLVE}/main/page.html")
    assert "html" not in response.headers["Content-Type"]
    assert response.headers["Content-Disposition"].startswith("attachment")


def test_only_a_commit_is_cached_and_not_for_ever(hub: Catalogue) -> None:
    # A withdrawn record must be able to go: whoever keeps a file asks again each hour.
    pinned = hub.get(f"{RESOLVE}/{NEWEST}/README.md").headers["Cache-Control"]
    assert pinned == "public, max-age=3600"
    assert hub.get(f"{RESOLVE}/main/README.md").headers["Cache-Control"] == "no-cache"


@given(first=st.integers(0, 4000), length=st.integers(1, 4000))
@hypothesis_settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None
)
def test_a_range_of_a_parquet_file_is_the_slice(hub: Catalogue, first: int, length: int) -> None:
    data = published.tree(1)["data/test-00000-of-00001.parquet"]
    path = f"{RESOLVE}/{NEWEST}/data/test-00000-of-00001.parquet"
    response = hub.get(path, Range=f"bytes={first}-{first + length - 1}")
    assert response.data == data[first : first + length]
    assert response.status_code == (206 if first < len(data) else 416)


def test_the_tree_lists_a_folder(hub: Catalogue) -> None:
    listed = hub.json(f"{API}/tree/main")
    assert [(e["type"], e["path"]) for e in listed] == [
        ("file", "README.md"),
        ("directory", "coco"),
        ("directory", "data"),
        ("file", "empty.txt"),
        ("file", "page.html"),
        ("directory", "说明"),
    ]
    assert all(len(e["oid"]) == 40 for e in listed)
    assert listed[0]["lfs"]["size"] == listed[0]["size"] == len(published.README.encode())
    below = hub.json(f"{API}/tree/main/coco%2Fmasks")
    assert [(e["type"], e["path"]) for e in below] == [("directory", "coco/masks/deep")]
    chinese = hub.json(f"{API}/tree/main/%E8%AF%B4%E6%98%8E/")
    assert [e["path"] for e in chinese] == [published.GUIDE]


def test_the_tree_lists_everything_below_a_folder(hub: Catalogue) -> None:
    listed = hub.json(f"{API}/tree/main/coco?recursive=True")
    assert [(e["type"], e["path"]) for e in listed] == [
        ("file", "coco/annotations.json"),
        ("directory", "coco/masks"),
        ("directory", "coco/masks/deep"),
        ("file", "coco/masks/deep/a.txt"),
    ]


def test_the_tree_tells_the_last_commit(hub: Catalogue) -> None:
    for entry in hub.json(f"{API}/tree/main?expand=true"):
        assert entry["lastCommit"]["id"] == NEWEST
        assert entry["lastCommit"]["title"] == "v1.1.0: 发布 v1.1.0"
        assert ("securityFileStatus" in entry) == (entry["type"] == "file")


def test_the_pages_of_a_tree_are_the_tree(hub: Catalogue, many: str) -> None:
    assert len(hub.json(f"{many}/tree/main/flat")) == 1000
    flat = [e["path"] for e in hub.pages(f"{many}/tree/main/flat")]
    assert flat == [f"flat/{n:05}.jpg" for n in range(1200)]
    folders = hub.pages(f"{many}/tree/main/deep?recursive=false")
    assert [e["path"] for e in folders] == [f"deep/{n:04}" for n in range(1100)]
    assert {e["type"] for e in folders} == {"directory"}
    root = [e["path"] for e in hub.pages(f"{many}/tree/main?limit=3")]
    assert root[:5] == ["deep.txt", "deep", "deep0", "flat", "root 00.txt"]
    assert len(root) == 4 + 28


@pytest.mark.parametrize("limit", [7, 999, 1000])
def test_the_pages_of_a_recursive_tree_name_each_once(
    hub: Catalogue, many: str, limit: int
) -> None:
    listed = [e["path"] for e in hub.pages(f"{many}/tree/main?recursive=true&limit={limit}")]
    assert len(listed) == len(set(listed)) == 2630 + 2 + 1100 + 1100


def test_a_tree_takes_as_many_queries_as_it_needs(hub: Catalogue, many: str) -> None:
    def queries(path: str) -> int:
        asked: list[str] = []
        engine = hub.installation.database.engine

        def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            asked.append(statement)

        event.listen(engine, "before_cursor_execute", note)
        try:
            hub.json(path)
        finally:
            event.remove(engine, "before_cursor_execute", note)
        return sum(text.startswith(("SELECT", "WITH")) for text in asked)

    assert queries(f"{many}/tree/main/deep") <= 3
    assert queries(f"{many}/tree/main?recursive=true") <= 3
    assert queries(f"{API}?blobs=true") <= 3
    assert queries("/api/datasets?full=true") <= 3


def test_paths_are_described_and_unknown_ones_left_out(hub: Catalogue, many: str) -> None:
    asked = ["README.md", "nothing", "coco", published.GUIDE, "coco/masks", "cocoa", "/data/", ""]
    response = hub.client.post(f"{API}/paths-info/main", data={"paths": asked, "expand": "True"})
    assert response.status_code == 200 and response.json is not None
    assert [(e["type"], e["path"]) for e in response.json] == [
        ("file", "README.md"),
        ("directory", "coco"),
        ("file", published.GUIDE),
        ("directory", "coco/masks"),
        ("directory", "data"),
    ]
    assert all(e["lastCommit"]["id"] == NEWEST for e in response.json)
    paths = [f"flat/{n:05}.jpg" for n in range(1300)]
    listed = hub.client.post(f"{many}/paths-info/main", data={"paths": paths})
    assert listed.json is not None and len(listed.json) == 1200
    assert hub.client.post(f"{many}/paths-info/main", data={}).json == []


def test_too_many_paths_are_refused(hub: Catalogue) -> None:
    response = hub.client.post(f"{API}/paths-info/main", data={"paths": ["x"] * 10_001})
    assert response.status_code == 400


def test_refs_are_the_branch_and_the_tags(hub: Catalogue) -> None:
    refs = hub.json(f"{API}/refs")
    assert refs["branches"] == [{"name": "main", "ref": "refs/heads/main", "targetCommit": NEWEST}]
    assert refs["converts"] == []
    assert [(t["name"], t["ref"]) for t in refs["tags"]] == [
        ("v1.1.0", "refs/tags/v1.1.0"),
        ("v1.0.0", "refs/tags/v1.0.0"),
    ]
    assert hub.json(f"{API}/refs?include_prs=1")["pullRequests"] == []


def test_commits_are_the_releases(hub: Catalogue) -> None:
    commits = hub.json(f"{API}/commits/main")
    assert [c["title"] for c in commits] == ["v1.1.0: 发布 v1.1.0", "v1.0.0: 发布 v1.0.0"]
    assert commits[0]["authors"] == [{"user": published.OWNER}]
    assert "owner" not in str(commits)
    assert hub.pages(f"{API}/commits/main?limit=1") == commits
    assert hub.json(f"{API}/commits/v1.0.0") == commits[1:]


def test_datasets_are_listed_and_found(hub: Catalogue, many: str) -> None:
    def names(query: str) -> list[str]:
        return [d["id"].partition("/")[2] for d in hub.pages(f"/api/datasets?{query}")]

    assert names("") == names("limit=1") == ["many", published.NAME]
    assert names("sort=createdAt") == names("sort=createdAt&limit=1") == ["many", published.NAME]
    assert sorted(names("sort=downloads&limit=1")) == ["many", published.NAME]
    assert names("search=WELD+seams") == ["many", published.NAME]
    assert names("search=焊缝&author=tianjin&limit=1") == ["many", published.NAME]
    assert names("search=nothing") == names("author=nobody") == names("gated=true") == []
    assert names("filter=license:mit&filter=weld") == ["many"]
    assert names("filter=task_categories:object-detection") == ["many", published.NAME]
    assert names("filter=benchmark:official") == names("search=100%25") == []


def test_lists_have_files_only_when_full(hub: Catalogue, many: str) -> None:
    short = hub.json("/api/datasets")
    assert all("siblings" not in dataset for dataset in short)
    full = {d["id"]: d for d in hub.json("/api/datasets?full=True")}
    assert len(full[published.FULL_NAME]["siblings"]) == 9
    assert len(full[f"{published.OWNER}/many"]["siblings"]) == 1000
    assert set(hub.json("/api/datasets?expand=sha")[0]) == {"id", "sha"}


def basic(token: str) -> str:
    """Write a token as the password of HTTP Basic."""
    return "Basic " + base64.b64encode(f"user:{token}".encode()).decode()


def test_all_four_forms_of_a_token_are_known(hub: Catalogue) -> None:
    for headers in (
        {"Authorization": f"Bearer {hub.token}"},
        {"Authorization": hub.token},
        {"X_CKAN_API_Key": hub.token},
        {"Authorization": basic(hub.token)},
        {"Cookie": f"m_session_id={hub.token}"},
    ):
        response = hub.get("/api/whoami-v2", **headers)
        assert response.status_code == 200, headers
        assert response.json is not None
        assert response.json["name"] == "owner"
        (organisation,) = response.json["orgs"]
        assert (organisation["name"], organisation["roleInOrg"]) == ("tianjin", "write")


def test_nobody_is_not_somebody(hub: Catalogue) -> None:
    assert hub.get("/api/whoami-v2").status_code == 401


@pytest.mark.parametrize(
    "given", ["Bearer wrong", "wrong", "Digest x", "Basic !", "Basic " + "/w==", basic("wrong")]
)
@pytest.mark.parametrize("path", [API, f"{RESOLVE}/main/README.md", "/api/datasets"])
def test_a_bad_token_is_told_everywhere(hub: Catalogue, given: str, path: str) -> None:
    response = hub.get(path, Authorization=given)
    assert response.status_code == 401
    assert response.headers["X-Error-Message"] == "Invalid credentials in Authorization header"
    assert "X-Error-Code" not in response.headers
    assert response.json == {"error": "Invalid credentials in Authorization header"}


@pytest.mark.parametrize("name", ["tianjin/nothing", "nobody/x", "%E7%84%8A/%E7%BC%9D"])
def test_a_missing_dataset_is_401_for_strangers_and_404_for_others(
    hub: Catalogue, name: str
) -> None:
    for path in (f"/api/datasets/{name}", f"/datasets/{name}/resolve/main/README.md"):
        stranger = hub.get(path)
        known = hub.get(path, Authorization=f"Bearer {hub.token}")
        assert (stranger.status_code, known.status_code) == (401, 404)
        assert stranger.headers["X-Error-Code"] == "RepoNotFound"
        assert known.headers["X-Error-Code"] == "RepoNotFound"
    assert hub.get("/api/datasets/alone").headers["X-Error-Code"] == "RepoNotFound"
    assert hub.get("/api/models/a/b").headers["X-Error-Code"] == "RepoNotFound"


@pytest.mark.parametrize(
    "revision", ["v9", "no", "0" * 40, "refs%2Fpr%2F1", "refs/convert/parquet", "%E7%84%8A"]
)
def test_a_missing_revision_is_told(hub: Catalogue, revision: str) -> None:
    for path in (
        f"{API}/revision/{revision}",
        f"{API}/tree/{revision}",
        f"{API}/commits/{revision}",
        f"{RESOLVE}/{revision}/README.md",
    ):
        response = hub.get(path)
        assert response.status_code == 404
        assert response.headers["X-Error-Code"] == "RevisionNotFound"
        assert response.headers["X-Error-Message"].isascii()


@pytest.mark.parametrize("path", ["nothing", "data", "weld-seams.py", "..%2Fx", "README.md/x"])
def test_a_missing_file_is_told_with_its_commit(hub: Catalogue, path: str) -> None:
    for response in (
        hub.get(f"{RESOLVE}/main/{path}"),
        hub.client.head(f"{RESOLVE}/main/{path}"),
        hub.get(f"{API}/tree/main/{path}/no"),
    ):
        assert response.status_code == 404
        assert response.headers["X-Error-Code"] == "EntryNotFound"
        assert response.headers["X-Repo-Commit"] == NEWEST


@pytest.mark.parametrize("cursor", ["x", "bnVsbA==", "WzFd", "W10=", "eyJhIjoxfQ==", "W251bGxd"])
def test_a_cursor_of_ones_own_making_is_refused(hub: Catalogue, cursor: str) -> None:
    assert hub.get(f"{API}/tree/main?cursor={cursor}").status_code == 400
    far = [[2**64], [-(2**63), 1], ["0001-01-01T00:00:00+23:00", 1], ["x", 1], [True, 1]]
    for held in far:
        text = base64.urlsafe_b64encode(json.dumps(held).encode()).decode()
        for path in ("/api/datasets", "/api/datasets?sort=downloads", f"{API}/commits/main"):
            joined = f"{path}{'&' if '?' in path else '?'}cursor={text}"
            assert hub.get(joined).status_code in (200, 400)
    for path in ("/api/datasets", f"{API}/commits/main"):
        assert hub.get(f"{path}?cursor={cursor}").status_code in (200, 400)


def test_downloads_are_counted_by_their_first_byte(hub: Catalogue) -> None:
    path = f"{RESOLVE}/main/data/test-00000-of-00001.parquet"
    before = hub.downloads()
    for counted, url, headers in (
        (1, path, {}),
        (1, path, {"Range": "bytes=0-9"}),
        (0, path, {"Range": "bytes=10-19"}),
        (0, path, {"Range": "bytes=-8"}),
        (0, path, {"Range": "bytes=99999999-"}),
        (0, f"{RESOLVE}/main/README.md", {}),
        (1, f"{RESOLVE}/main/README.md", {"X_HF_Download_Counter": "1"}),
        (0, f"{RESOLVE}/main/README.md", {"X_HF_Download_Counter": "1", "Range": "bytes=5-"}),
        (0, f"{RESOLVE}/main/data/no", {"X_HF_Download_Counter": "1"}),
    ):
        hub.get(url, **headers).close()
        assert hub.downloads() - before == counted, (url, headers)
        before = hub.downloads()
    hub.client.head(path, headers={"X-HF-Download-Counter": "1"}).close()
    assert hub.downloads() == before


def test_a_count_that_fails_does_not_fail_the_download(tmp_path: Path) -> None:
    home = tmp_path / "home"
    installation = open_installation(Settings(home, database_url=f"sqlite:///{home / 'a.db'}"))
    hub = Catalogue(installation)
    with installation.database.engine.begin() as connection:
        connection.execute(
            sa.text(
                "CREATE TRIGGER refuse BEFORE UPDATE ON datasets "
                "BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
        )
    response = hub.get(f"{RESOLVE}/main/data/test-00000-of-00001.parquet")
    assert response.status_code == 200
    assert response.data == published.tree(1)["data/test-00000-of-00001.parquet"]
    response.close()
    assert hub.downloads() == 0
    installation.close()


def test_stored_bytes_that_are_gone_are_our_fault(tmp_path: Path) -> None:
    home = tmp_path / "home"
    installation = open_installation(Settings(home, database_url=f"sqlite:///{home / 'a.db'}"))
    hub = Catalogue(installation)
    for digest in list(installation.store.digests()):
        installation.store.delete(digest)
    response = hub.get(f"{RESOLVE}/main/README.md")
    assert response.status_code == 500
    assert response.json == {"error": "The stored file is damaged."}
    installation.close()


@given(st.lists(st.text("ab0./!/", min_size=1, max_size=9), unique=True, max_size=12), st.data())
def test_folders_come_once_before_their_files_on_any_page(
    names: list[str], data: st.DataObject
) -> None:
    paths = sorted({"/".join(p for p in name.split("/") if p) or "a" for name in names})
    files = [WrittenFile(path, "0" * 64, 1) for path in paths]
    cut = data.draw(st.integers(0, len(files)))
    after = paths[cut - 1] if cut else ""
    pages = [*with_folders(files[:cut], "", ""), *with_folders(files[cut:], "", after)]
    folders = [entry for entry in pages if isinstance(entry, str)]
    expected = {path[:n] for path in paths for n, letter in enumerate(path) if letter == "/"}
    assert sorted(folders) == sorted(expected)


def test_postgres_lists_the_same_tree(postgres_database: str, tmp_path: Path) -> None:
    installation = open_installation(Settings(tmp_path, database_url=postgres_database))
    hub = Catalogue(installation)
    listed = hub.pages(f"{API}/tree/main?limit=2")
    assert [e["path"] for e in listed] == [
        "README.md",
        "coco",
        "data",
        "empty.txt",
        "page.html",
        "说明",
    ]
    assert len(hub.pages(f"{API}/tree/main?recursive=1&limit=2")) == 9 + 5
    described = hub.client.post(f"{API}/paths-info/main", data={"paths": ["coco", "no", "data/"]})
    assert described.json is not None and len(described.json) == 2
    assert len(hub.pages("/api/datasets?full=1&sort=downloads&limit=1")) == 1
    assert hub.get(f"{RESOLVE}/main/data/test-00000-of-00001.parquet").status_code == 200
    for path in (f"{API}/tree/main/a%00b", "/api/datasets?search=a%00b&author=x%00"):
        assert hub.get(path).status_code == 400
    installation.close()
