"""A small hub that takes pushes as the protocol says: see contracts, "Endpoints to accept pushes".

It stands in for hubs outside the building, none of which can be installed. It is known to
behave because the unmodified `huggingface_hub` pushes to it and reads from it first.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "hub-token-of-a-test"
LARGE = (".parquet", ".png", ".jpg", ".zip", ".tar", ".bin")
PART = 1 << 20
TIME = "2026-11-21T00:00:00.000Z"


@dataclass(frozen=True)
class Kept:
    """A file of a commit."""

    content: bytes
    large: bool

    @property
    def oid(self) -> str:
        """Return what git calls it."""
        return hashlib.sha1(b"blob %d\0" % len(self.content) + self.content).hexdigest()

    @property
    def sha256(self) -> str:
        """Return what LFS calls it."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def etag(self) -> str:
        """Return under which name clients keep it."""
        return self.sha256 if self.large else self.oid


@dataclass
class Repository:
    """A dataset: commits on one branch, and tags."""

    private: bool
    commits: list[tuple[str, str, dict[str, Kept]]] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)

    def files(self, revision: str) -> tuple[str, dict[str, Kept]] | None:
        """Return commit and files of a branch, tag or commit."""
        wanted = self.commits[-1][0] if revision == "main" and self.commits else revision
        wanted = self.tags.get(wanted.removeprefix("refs/tags/"), wanted)
        return next(((c, files) for c, _title, files in self.commits if c == wanted), None)

    def commit(self, title: str, files: dict[str, Kept]) -> str:
        """Add a commit; return its id."""
        told = f"{len(self.commits)} {title}".encode()
        made = hashlib.sha1(told).hexdigest()
        self.commits.append((made, title, files))
        return made


@dataclass
class Hub:
    """What the hub holds, what it was asked, and how it is to misbehave."""

    url: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    parts: dict[str, dict[int, bytes]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    stored: Counter[str] = field(default_factory=Counter)
    # Tokens that came with a request that needs none.
    leaked: list[str] = field(default_factory=list)
    page: int = 1000
    multipart: bool = False
    xet_asked: int = 0
    # Where it wants large files to go, instead of here.
    elsewhere: str = ""
    # Called before each request; it may answer itself: (status, headers).
    before: Callable[[str, str], tuple[int, dict[str, str]] | None] | None = None

    def number(self, method: str, pattern: str) -> int:
        """Count the requests of a method to paths that match."""
        return sum(1 for m, path in self.asked if m == method and re.search(pattern, path))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_told: Any) -> None:
        """Say nothing."""

    def _handle(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if self.headers.get("Transfer-Encoding", "") == "chunked":
            body = self._chunks()
        else:
            body = self.rfile.read(length)
        split = urlsplit(self.path)
        path = unquote(split.path)
        self.hub.asked.append((self.command, path))
        if self.hub.before is not None:
            early = self.hub.before(self.command, path)
            if early is not None:
                said = f"not now, {self.headers.get('Authorization')}"
                return self._answer(early[0], {"error": said}, early[1])
        signed = path.startswith(("/lfs/put", "/lfs/part", "/lfs/complete"))
        if signed and self.headers.get("Authorization"):
            self.hub.leaked.append(path)
        if not signed and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._answer(401, {"error": "Invalid credentials in Authorization header"})
        for method, pattern, act in ROUTES:
            found = re.fullmatch(pattern, split.path)
            if found and method == (self.command if self.command != "HEAD" else "GET"):
                parts = [unquote(part) for part in found.groups()]
                return act(self, body, parse_qs(split.query), *parts)
        return self._answer(404, {"error": "Not Found"})

    do_GET = do_HEAD = do_POST = do_PUT = _handle

    def _chunks(self) -> bytes:
        found = b""
        while size := int(self.rfile.readline().strip(), 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return found

    def _answer(self, status: int, told: Any = None, headers: dict[str, str] | None = None) -> None:
        content = told if isinstance(told, bytes) else json.dumps(told).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if not isinstance(told, bytes):
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _missing(self, code: str, headers: dict[str, str] | None = None) -> None:
        told = {"X-Error-Code": code, "X-Error-Message": code, **(headers or {})}
        self._answer(404, {"error": code}, told)

    def whoami(self, _body: bytes, _query: Any) -> None:
        """Say who asks."""
        token = {"displayName": "t", "role": "write"}
        told = {"type": "user", "name": "pusher", "fullname": "P", "orgs": []}
        self._answer(200, {**told, "auth": {"accessToken": token}})

    def create(self, body: bytes, _query: Any) -> None:
        """Make a repository."""
        told = json.loads(body)
        name = f"{told.get('organization') or 'pusher'}/{told['name']}"
        url = f"{self.hub.url}/datasets/{name}"
        if name in self.hub.repositories:
            return self._answer(409, {"error": "You already created this", "url": url})
        made = Repository(told.get("visibility") == "private" or bool(told.get("private")))
        attributes = Kept(b"*.parquet filter=lfs diff=lfs merge=lfs -text\n", False)
        made.commit("initial commit", {".gitattributes": attributes})
        self.hub.repositories[name] = made
        return self._answer(200, {"url": url, "name": name})

    def card(self, body: bytes, _query: Any) -> None:
        """Look at a card."""
        good = json.loads(body)["content"].startswith("---\n")
        problem = [] if good else [{"message": "no front matter"}]
        self._answer(200 if good else 400, {"errors": problem, "warnings": []})

    def info(self, _body: bytes, _query: Any, name: str, revision: str = "main") -> None:
        """Tell of a repository."""
        found = self.hub.repositories.get(name)
        if found is None:
            return self._missing("RepoNotFound")
        there = found.files(revision)
        if there is None:
            return self._missing("RevisionNotFound")
        told = {"id": name, "sha": there[0], "private": found.private, "gated": False}
        siblings = [{"rfilename": path} for path in sorted(there[1])]
        times = {"lastModified": TIME, "createdAt": TIME}
        return self._answer(
            200, {**told, **times, "siblings": siblings, "tags": [], "downloads": 0}
        )

    def refs(self, _body: bytes, _query: Any, name: str) -> None:
        """List branches and tags."""
        found = self.hub.repositories.get(name)
        if found is None:
            return self._missing("RepoNotFound")
        head = {"name": "main", "ref": "refs/heads/main", "targetCommit": found.commits[-1][0]}
        tags = [
            {"name": tag, "ref": f"refs/tags/{tag}", "targetCommit": commit}
            for tag, commit in found.tags.items()
        ]
        return self._answer(200, {"branches": [head], "converts": [], "tags": tags})

    def tree(self, _body: bytes, query: Any, name: str, revision: str) -> None:
        """List files, page by page."""
        found = self.hub.repositories[name].files(revision)
        if found is None:
            return self._missing("RevisionNotFound")
        after = query.get("cursor", [""])[0]
        paths = [path for path in sorted(found[1]) if path > after]
        headers = {}
        if len(paths) > self.hub.page:
            where = f"{self.hub.url}{urlsplit(self.path).path}?recursive=true"
            from_here = base64.urlsafe_b64encode(b"").decode() + paths[self.hub.page - 1]
            quoted = "".join(f"%{byte:02X}" for byte in from_here.encode())
            headers["Link"] = f'<{where}&cursor={quoted}>; rel="next"'
        rows = []
        for path in paths[: self.hub.page]:
            kept = found[1][path]
            row = {"type": "file", "path": path, "size": len(kept.content), "oid": kept.oid}
            if kept.large:
                row["lfs"] = {"oid": kept.sha256, "size": len(kept.content), "pointerSize": 130}
            rows.append(row)
        return self._answer(200, rows, headers)

    def preupload(self, body: bytes, _query: Any, name: str, revision: str) -> None:
        """Say how files are to be sent."""
        asked = json.loads(body)["files"]
        if len(asked) > 256:
            return self._answer(400, {"error": "too many files"})
        there = self.hub.repositories[name].files(revision)
        rows = []
        for each in asked:
            assert len(base64.b64decode(each["sample"])) == min(each["size"], 512)
            large = each["path"].endswith(LARGE)
            row = {"path": each["path"], "uploadMode": "lfs" if large else "regular"}
            kept = there[1].get(each["path"]) if there else None
            rows.append({**row, "shouldIgnore": False, "oid": kept.etag if kept else None})
        return self._answer(200, {"files": rows})

    def batch(self, body: bytes, _query: Any, name: str) -> None:
        """Say where large files go; those that are there go nowhere."""
        told = json.loads(body)
        assert told["operation"] == "upload" and told["hash_algo"] == "sha256"
        rows = []
        for each in told["objects"]:
            row: dict[str, Any] = {"oid": each["oid"], "size": each["size"]}
            if each["oid"] not in self.hub.objects:
                verify = {"href": f"{self.hub.url}/lfs/verify"}
                row["actions"] = {"upload": self._upload(each), "verify": verify}
            rows.append(row)
        transfer = "multipart" if self.hub.multipart else "basic"
        self._answer(200, {"transfer": transfer, "objects": rows})

    def _upload(self, each: dict[str, Any]) -> dict[str, Any]:
        where = f"{self.hub.elsewhere or self.hub.url}/lfs"
        if not self.hub.multipart:
            return {"href": f"{where}/put/{each['oid']}?signature=x"}
        count = -(-each["size"] // PART)
        header = {f"{n:05}": f"{where}/part/{each['oid']}/{n}" for n in range(1, count + 1)}
        complete = f"{where}/complete/{each['oid']}"
        return {"href": complete, "header": {"chunk_size": str(PART), **header}}

    def put(self, body: bytes, _query: Any, oid: str) -> None:
        """Take a large file."""
        if hashlib.sha256(body).hexdigest() != oid:
            return self._answer(400, {"error": "other bytes"})
        self.hub.stored[oid] += 1
        self.hub.objects[oid] = body
        return self._answer(200, b"")

    def part(self, body: bytes, _query: Any, oid: str, number: str) -> None:
        """Take a part of a large file."""
        self.hub.parts.setdefault(oid, {})[int(number)] = body
        self._answer(200, b"", {"ETag": f'"{hashlib.md5(body).hexdigest()}"'})

    def complete(self, body: bytes, query: Any, oid: str) -> None:
        """Put the parts together."""
        told, parts = json.loads(body), self.hub.parts.pop(oid)
        etags = [f'"{hashlib.md5(parts[row["partNumber"]]).hexdigest()}"' for row in told["parts"]]
        if etags != [row["etag"] for row in told["parts"]] or told["oid"] != oid:
            return self._answer(400, {"error": "other parts"})
        return self.put(b"".join(parts[n] for n in sorted(parts)), query, oid)

    def verify(self, body: bytes, _query: Any) -> None:
        """Check a large file."""
        told = json.loads(body)
        good = len(self.hub.objects.get(told["oid"], b"")) == told["size"]
        self._answer(200 if good else 404, {})

    def commit(self, body: bytes, _query: Any, name: str, revision: str) -> None:
        """Commit lines of JSON."""
        repository = self.hub.repositories[name]
        lines = [json.loads(line) for line in body.splitlines()]
        head = lines.pop(0)
        assert head["key"] == "header" and revision == "main"
        before, files = repository.commits[-1][0], dict(repository.commits[-1][2])
        if head["value"].get("parentCommit", before) != before:
            return self._answer(412, {"error": "A commit has happened since"})
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = Kept(base64.b64decode(value["content"]), False)
            elif line["key"] == "lfsFile":
                if len(self.hub.objects.get(value["oid"], b"")) != value["size"]:
                    return self._answer(400, {"error": "the object is not there"})
                files[value["path"]] = Kept(self.hub.objects[value["oid"]], True)
            elif line["key"] == "deletedFile":
                del files[value["path"]]
            else:
                return self._answer(400, {"error": line["key"]})
        made = repository.commit(head["value"]["summary"], files)
        url = f"{self.hub.url}/datasets/{name}/commit/{made}"
        return self._answer(200, {"success": True, "commitOid": made, "commitUrl": url})

    def tag(self, body: bytes, _query: Any, name: str, revision: str) -> None:
        """Tag a commit."""
        repository, wanted = self.hub.repositories[name], json.loads(body)["tag"]
        found = repository.files(revision)
        if found is None:
            return self._missing("RevisionNotFound")
        if wanted in repository.tags:
            return self._answer(409, {"error": "Tag reference exists already"})
        repository.tags[wanted] = found[0]
        return self._answer(200, {})

    def resolve(self, _body: bytes, _query: Any, name: str, revision: str, path: str) -> None:
        """Send a file, or a part of it."""
        found = self.hub.repositories[name].files(revision)
        if found is None:
            return self._missing("RevisionNotFound")
        commit, files = found
        if path not in files:
            return self._missing("EntryNotFound", {"X-Repo-Commit": commit})
        kept = files[path]
        told = {"X-Repo-Commit": commit, "ETag": f'"{kept.etag}"', "Accept-Ranges": "bytes"}
        return self._answer(200, kept.content, told)

    def xet(self, _body: bytes, _query: Any, _name: str) -> None:
        """Note that somebody wanted Xet."""
        self.hub.xet_asked += 1
        self._answer(404, {"error": "Not Found"})


_NAME = "([^/]+(?:/|%2F)[^/]+)"
_API = f"/api/datasets/{_NAME}"
ROUTES: tuple[tuple[str, str, Callable[..., None]], ...] = (
    ("GET", "/api/whoami-v2", _Handler.whoami),
    ("POST", "/api/repos/create", _Handler.create),
    ("POST", "/api/validate-yaml", _Handler.card),
    ("GET", f"{_API}", _Handler.info),
    ("GET", f"{_API}/revision/([^/]+)", _Handler.info),
    ("GET", f"{_API}/refs", _Handler.refs),
    ("GET", f"{_API}/tree/([^/]+)", _Handler.tree),
    ("GET", f"{_API}/xet-.*", _Handler.xet),
    ("POST", f"{_API}/preupload/([^/]+)", _Handler.preupload),
    ("POST", f"{_API}/commit/([^/]+)", _Handler.commit),
    ("POST", f"{_API}/tag/([^/]+)", _Handler.tag),
    ("POST", f"/datasets/{_NAME}.git/info/lfs/objects/batch", _Handler.batch),
    ("PUT", "/lfs/put/([0-9a-f]{64})", _Handler.put),
    ("PUT", "/lfs/part/([0-9a-f]{64})/([0-9]+)", _Handler.part),
    ("POST", "/lfs/complete/([0-9a-f]{64})", _Handler.complete),
    ("POST", "/lfs/verify", _Handler.verify),
    ("GET", f"/datasets/{_NAME}/resolve/([^/]+)/(.+)", _Handler.resolve),
)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_asked: Any) -> None:
        """Say nothing: whoever asked may have been killed."""


@contextmanager
def serving() -> Iterator[Hub]:
    """Serve an empty hub on a free port of this machine."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = _Server(("127.0.0.1", 0), handler)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
