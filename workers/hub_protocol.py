"""Speak the writing side of the Hugging Face Hub's protocol, never Xet.

Written from what its own client sends: `create_repo`, `preupload`, the LFS batch with single
and multi-part uploads, the commit as NDJSON, `create_tag`. It asks through `Remote`, because a
client library would call whatever address it is given.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, cast
from urllib.parse import quote

import msgspec

from ..datasets import errors
from ..datasets.errors import _
from ..datasets.exports import WrittenFile
from ..datasets.storage import ObjectStore
from .outgoing import Answer, Remote, refused
from .pieces import Piece, Pieces

MOST_FILES = 256  # in one question to the hub
BRANCH = "main"
SAMPLE = 512  # bytes that the hub looks at to choose how a file travels
MOST_PAGES = 1000
_LFS = "application/vnd.git-lfs+json"
_LFS_HEADERS = {"Accept": _LFS, "Content-Type": _LFS}


@dataclass(frozen=True)
class Entry:
    """A file that is there: its git id, and the SHA-256 where it is kept as a large one."""

    path: str
    size: int
    oid: str
    sha256: str | None


class Hub:
    """One dataset repository on a hub."""

    def __init__(self, remote: Remote, store: ObjectStore, repository: str) -> None:
        self.remote, self.store, self.repository = remote, store, repository
        self._api = f"api/datasets/{quote(repository)}"

    def exists(self, private: bool) -> bool:
        """Tell whether the repository is there for this token.

        Raises:
            errors.Refused: it is public, and was to be private.
        """
        answer = self.remote.ask("GET", self._api)
        if answer.status == 401 and "Invalid credentials" in answer.said:
            raise refused("whoami", answer)
        if answer.is_good and private and _object(answer).get("private") is not True:
            raise errors.Refused(
                _("“%(name)s” is public there, and the target says private: nothing was sent"),
                name=self.repository,
            )
        return answer.is_good

    def create(self, private: bool) -> bool:
        """Make the repository; False where it is there already.

        Raises:
            errors.Refused: the token does not allow it.
        """
        organisation, _slash, name = self.repository.partition("/")
        visibility = "private" if private else "public"
        told = {"name": name, "organization": organisation, "type": "dataset"}
        answer = self.remote.ask(
            "POST", "api/repos/create", json={**told, "visibility": visibility}
        )
        if answer.status == 409:
            return False
        _check(answer, "create_repo")
        return True

    def refs(self) -> tuple[str | None, dict[str, str]]:
        """Return the commit of the branch, None if there is none, and tag → commit."""
        answer = _check(self.remote.ask("GET", f"{self._api}/refs"), "refs")
        told = _object(answer)
        if not isinstance(told.get("branches"), list) or not isinstance(told.get("tags"), list):
            raise errors.Refused(_("this address does not answer as a hub does"))
        heads = {row.get("name"): row.get("targetCommit") for row in _rows(told, "branches")}
        tags = {
            str(row.get("name")): str(row.get("targetCommit") or "") for row in _rows(told, "tags")
        }
        head = heads.get(BRANCH)
        return (str(head) if head else None), tags

    def tree(self, revision: str) -> dict[str, Entry]:
        """Return all files of a revision by path; none where the revision is not there."""
        path = f"{self._api}/tree/{quote(revision, safe='')}?recursive=true&expand=false"
        found: dict[str, Entry] = {}
        for _page in range(MOST_PAGES):
            answer = self.remote.ask("GET", path)
            if answer.status == 404:
                return found
            rows = _check(answer, "tree").json()
            if not isinstance(rows, list):
                raise errors.Refused(_("this address does not answer as a hub does"))
            for row in rows:
                if isinstance(row, dict) and row.get("type") == "file":
                    entry = _entry(row)
                    found[entry.path] = entry
            following = _next(answer.headers.get("Link", ""))
            if following is None:
                return found
            if not self.remote.is_own(following):
                raise errors.Refused(_("its list of files goes on at another host"))
            path = following
        raise errors.Refused(_("its list of files does not end"))

    def check_card(self, text: str) -> None:
        """Let the hub look at the card first; a hub that does not know how is not asked twice.

        Raises:
            errors.Refused: it would not take it.
        """
        asked = {"content": text, "repoType": "dataset"}
        answer = self.remote.ask("POST", "api/validate-yaml", json=asked)
        if answer.status == 400:
            raise refused("README.md", answer)

    def modes(self, files: Sequence[WrittenFile]) -> dict[str, bool]:
        """Return for each path whether it travels as a large file, at most MOST_FILES.

        Raises:
            errors.Refused: the hub would leave one of them out.
        """
        asked = [
            {"path": file.path, "sample": self._sample(file), "size": file.size} for file in files
        ]
        path = f"{self._api}/preupload/{BRANCH}"
        told = _object(_check(self.remote.ask("POST", path, json={"files": asked}), "preupload"))
        found: dict[str, bool] = {}
        for row in _rows(told, "files"):
            if row.get("shouldIgnore"):
                raise errors.Refused(
                    _("a .gitignore there leaves out %(path)s"), path=str(row.get("path"))[:200]
                )
            found[str(row.get("path"))] = row.get("uploadMode") == "lfs"
        missing = [file.path for file in files if file.path not in found]
        if missing:
            raise errors.Refused(
                _("it does not say how %(path)s is to be sent"), path=missing[0][:200]
            )
        # Its stores refuse an empty object.
        return {file.path: found[file.path] and file.size > 0 for file in files}

    def wanted(self, files: Sequence[WrittenFile]) -> dict[str, Mapping[str, Any]]:
        """Return digest → what to do, for those large files whose bytes are not there yet."""
        sizes = {file.digest: file.size for file in files}
        asked = {
            "operation": "upload",
            "transfers": ["basic", "multipart"],
            "objects": [{"oid": oid, "size": size} for oid, size in sizes.items()],
            "hash_algo": "sha256",
            "ref": {"name": BRANCH},
        }
        path = f"datasets/{quote(self.repository)}.git/info/lfs/objects/batch"
        answer = self.remote.ask("POST", path, json=asked, headers=_LFS_HEADERS)
        told = _object(_check(answer, "lfs batch"))
        if str(told.get("transfer", "basic")) not in ("basic", "multipart"):
            raise errors.Refused(_("it takes large files only in a way that is not spoken here"))
        found: dict[str, Mapping[str, Any]] = {}
        rows = _rows(told, "objects")
        if {str(row.get("oid")) for row in rows} != set(sizes):
            raise errors.Refused(_("it does not say where large files go"))
        for row in rows:
            oid, problem = str(row.get("oid")), row.get("error")
            if problem:
                said = problem.get("message") if isinstance(problem, dict) else problem
                raise errors.Refused(
                    _("it does not take the file %(digest)s: %(said)s"),
                    digest=oid[:12],
                    said=str(said)[:200],
                )
            if isinstance(row.get("actions"), dict) and row["actions"].get("upload"):
                found[oid] = row["actions"]
        return found

    def upload(self, file: WrittenFile, actions: Mapping[str, Any]) -> None:
        """Send the bytes of a large file, whole or in parts, and let the hub check them."""
        action = actions["upload"]
        href, header = _href(action), dict(action.get("header") or {})
        if "chunk_size" in header:
            self._upload_parts(file, href, header)
        else:
            headers = {str(name): str(value) for name, value in header.items()}
            _check(self._put(file, href, headers), file.path)
        if actions.get("verify"):
            asked = {"oid": file.digest, "size": file.size}
            verify = self.remote.ask("POST", _href(actions["verify"]), json=asked)
            _check(verify, f"verify {file.path}")

    def commit(
        self,
        summary: str,
        parent: str | None,
        small: Sequence[WrittenFile],
        large: Sequence[WrittenFile],
        gone: Iterable[str],
    ) -> str:
        """Commit files and deletions on the branch; return the commit's id.

        Raises:
            errors.Refused: somebody else has changed the branch meanwhile.
            errors.Unavailable: nobody knows whether it was done: to be looked at again.
        """
        header = {"summary": summary, "description": ""}
        if parent is not None:
            header["parentCommit"] = parent
        pieces = [Piece(_line("header", header))]
        for file in small:
            told = {"path": file.path, "encoding": "base64", "content": ""}
            before, _quote, after = _line("file", told).rpartition(b'""')
            pieces += [Piece(before + b'"'), _content(file), Piece(b'"' + after)]
        for file in large:
            told = {"path": file.path, "algo": "sha256", "oid": file.digest}
            pieces.append(Piece(_line("lfsFile", {**told, "size": file.size})))
        pieces += [Piece(_line("deletedFile", {"path": path})) for path in gone]
        answer = self._stream(
            "POST",
            f"{self._api}/commit/{BRANCH}",
            pieces,
            {"Content-Type": "application/x-ndjson"},
            once=True,
        )
        if answer.status == 412:
            raise errors.Refused(_("somebody else changed it there meanwhile: send it once more"))
        told = _object(_check(answer, "commit"))
        return str(told.get("commitOid") or "")[:64]

    def tag(self, name: str, commit: str) -> bool:
        """Tag a commit; False where there is such a tag already."""
        path = f"{self._api}/tag/{quote(commit, safe='')}"
        answer = self.remote.ask("POST", path, json={"tag": name, "message": name})
        if answer.status == 409:
            return False
        _check(answer, "create_tag")
        return True

    def _upload_parts(self, file: WrittenFile, href: str, header: dict[str, Any]) -> None:
        try:
            size = int(header["chunk_size"])
            places = {int(name): str(url) for name, url in header.items() if name.isdigit()}
        except (TypeError, ValueError) as problem:
            raise errors.Refused(_("its parts of a large file make no sense")) from problem
        count = -(-file.size // size) if size > 0 else 0
        if sorted(places) != list(range(1, count + 1)):
            raise errors.Refused(_("its parts of a large file make no sense"))
        parts = []
        for number in range(1, count + 1):
            answer = self._put(file, places[number], {}, (number - 1) * size, size)
            etag = _check(answer, file.path).headers.get("ETag")
            if not etag:
                raise errors.Refused(_("its parts of a large file make no sense"))
            parts.append({"partNumber": number, "etag": etag})
        told = {"oid": file.digest, "parts": parts}
        content = msgspec.json.encode(told)
        # As the bytes themselves: the address is signed, the token stays here.
        done = self.remote.ask("POST", href, content=content, headers=_LFS_HEADERS, own=False)
        _check(done, file.path)

    def _put(
        self,
        file: WrittenFile,
        href: str,
        headers: Mapping[str, str],
        start: int = 0,
        most: int | None = None,
    ) -> Answer:
        size = file.size - start if most is None else min(most, file.size - start)
        piece = Piece(digest=file.digest, size=size, start=start)
        return self._stream("PUT", href, [piece], headers, own=False)

    def _stream(
        self,
        method: str,
        path: str,
        pieces: Sequence[Piece],
        headers: Mapping[str, str],
        *,
        own: bool = True,
        once: bool = False,
    ) -> Answer:
        def opened() -> BinaryIO:
            return cast(BinaryIO, Pieces(self.store, pieces))

        length = sum(piece.length for piece in pieces)
        told = {"Content-Type": "application/octet-stream", **headers}
        return self.remote.ask(
            method, path, stream=opened, length=length, headers=told, own=own, once=once
        )

    def _sample(self, file: WrittenFile) -> str:
        with self.store.open(file.digest, 0, SAMPLE) as stream:
            return base64.b64encode(stream.read()).decode()


def _content(file: WrittenFile) -> Piece:
    if file.size == 0:
        return Piece()
    return Piece(digest=file.digest, size=file.size, in_base64=True)


def _check(answer: Answer, what: str) -> Answer:
    if not answer.is_good:
        raise refused(what, answer)
    return answer


def _object(answer: Answer) -> dict[str, Any]:
    told = answer.json()
    if not isinstance(told, dict):
        raise errors.Refused(_("the answer is not JSON"))
    return told


def _rows(told: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    rows = told.get(name)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _line(key: str, value: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode({"key": key, "value": value}) + b"\n"


def _href(action: Any) -> str:
    href = action.get("href") if isinstance(action, dict) else None
    if not isinstance(href, str):
        raise errors.Refused(_("it does not say where large files go"))
    return href


def _entry(row: Mapping[str, Any]) -> Entry:
    large = row.get("lfs")
    sha256 = str(large.get("oid") or "") if isinstance(large, dict) else None
    size = row.get("size")
    return Entry(
        str(row.get("path")), size if isinstance(size, int) else -1, str(row.get("oid")), sha256
    )


def _next(link: str) -> str | None:
    """Return the address of the next page from a Link header."""
    for part in link.split(","):
        address, _semicolon, rest = part.partition(";")
        if 'rel="next"' in rest:
            return address.strip().strip("<>")
    return None
