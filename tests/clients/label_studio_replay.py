"""Send every recorded call of the SDK again, to another server, and write down the answers.

Run by the Python of an environment that holds only the SDK:
`python label_studio_replay.py <recordings> <settings.json> <answers.json>`. Numbers of the
recorded server are replaced by those that this server gave to the same things.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import httpx

# Path of a thing → its noun; the number stands in the group.
PLACES = [
    ("project", re.compile(r"^/api/projects/(\d+)(?=/|$)")),
    ("task", re.compile(r"^/api/(?:tasks|projects/\d+/tasks)/(\d+)(?=/|$)")),
    ("annotation", re.compile(r"^/api/(?:annotations|tasks/\d+/annotations)/(\d+)(?=/|$)")),
    ("draft", re.compile(r"^/api/drafts/(\d+)(?=/|$)")),
    ("prediction", re.compile(r"^/api/predictions/(\d+)(?=/|$)")),
    ("view", re.compile(r"^/api/dm/views/(\d+)(?=/|$)")),
    ("export", re.compile(r"^/api/projects/\d+/exports/(\d+)(?=/|$)")),
    ("ml", re.compile(r"^/api/ml/(\d+)(?=/|$)")),
    ("webhook", re.compile(r"^/api/webhooks/(\d+)(?=/|$)")),
    ("s3", re.compile(r"^/api/storages/s3/(\d+)(?=/|$)")),
    ("s3_export", re.compile(r"^/api/storages/export/s3/(\d+)(?=/|$)")),
    ("local", re.compile(r"^/api/storages/localfiles/(\d+)(?=/|$)")),
    ("user", re.compile(r"^/api/users/(\d+)(?=/|$)")),
    ("organization", re.compile(r"^/api/organizations/(\d+)(?=/|$)")),
    ("upload", re.compile(r"^/api/import/file-upload/(\d+)(?=/|$)")),
]
# Where something is made: path → noun of what the answer's `id` is.
MADE = {
    r"/api/projects/": "project",
    r"/api/tasks/": "task",
    r"/api/tasks/\d+/annotations/": "annotation",
    r"/api/tasks/\d+/drafts": "draft",
    r"/api/tasks/\d+/annotations/\d+/drafts": "draft",
    r"/api/predictions/": "prediction",
    r"/api/dm/views/": "view",
    r"/api/projects/\d+/exports/": "export",
    r"/api/ml/": "ml",
    r"/api/webhooks/": "webhook",
    r"/api/storages/s3/": "s3",
    r"/api/storages/export/s3": "s3_export",
    r"/api/storages/localfiles/": "local",
    r"/api/users/": "user",
}
QUERY = {"project": "project", "projects": "project", "task": "task", "view": "view", "ids": "task"}
LISTS = {"included": "task", "excluded": "task", "tasks": "task", "users": "user"}
ABSENT = 987_654_321


class Replay:
    """One run over all recordings."""

    def __init__(self, folder: Path, given: dict[str, Any]) -> None:
        """Remember where to send and what the recorded tokens and places are here."""
        self.folder, self.given = folder, given
        # A connection for each request: one that has been idle may be closed by the server just
        # when it is used again, which says nothing of the call.
        fresh = httpx.Limits(max_keepalive_connections=0)
        self.client = httpx.Client(base_url=given["url"], timeout=60, trust_env=False, limits=fresh)
        self.numbers: dict[tuple[str, int], int] = {("organization", 1): given["organization"]}
        self.numbers["user", 1] = given["user"]
        self.tokens = {"0123456789abcdef0123456789abcdef01234567": given["token"]}
        self.upload = ""

    def run(self) -> list[dict[str, Any]]:
        """Replay all recordings in their order; return what was answered."""
        self.before()
        answers = []
        files = sorted(self.folder.glob("[0-9][0-9][0-9]_*.json"))
        recordings = {file: json.loads(file.read_text(encoding="utf-8")) for file in files}
        # What was not there, and may be here, must not change what comes after it.
        for file in sorted(files, key=lambda file: (was_missing(recordings[file]), file)):
            recording = recordings[file]
            exchanges, last = [], None
            for exchange in recording["exchanges"]:
                # The SDK repeats what it takes for a passing failure; once is enough here.
                if exchange["request"] == last:
                    continue
                last = exchange["request"]
                exchanges.append(self.exchange(exchange))
            answers.append(
                {"recording": file.name[:3], "name": recording["name"]} | {"exchanges": exchanges}
            )
        return answers

    def before(self) -> None:
        """Make the project that was there before the first recording."""
        headers = {"Authorization": f"Token {self.given['token']}"}
        made = self.client.post("/api/projects/", json={"title": "jb"}, headers=headers)
        self.numbers["project", 1] = made.json()["id"]

    def exchange(self, recorded: dict[str, Any]) -> dict[str, Any]:
        """Send one recorded request here; return the answer."""
        asked = recorded["request"]
        content, kind = self.body(asked)
        headers = self.headers(asked, kind)
        path = self.path(asked["path"])
        query = [(name, self.query(name, value)) for name, value in asked["query"]]
        if asked["headers"].get("cookie") and "authorization" not in map(
            str.lower, asked["headers"]
        ):
            self.sign_in()
        sent = self.client.request(
            asked["method"], path, params=query, content=content, headers=headers
        )
        told = self.told(sent)
        self.learn(asked, recorded["response"], told)
        kind = sent.headers.get("content-type", "").partition(";")[0] if sent.content else ""
        answer = {"status": sent.status_code, "body": told, "kind": kind}
        return answer | {"method": asked["method"], "path": path}

    def headers(self, asked: dict[str, Any], kind: str | None) -> dict[str, str]:
        """Return the request's own headers with this server's tokens."""
        found = {}
        for name, value in asked["headers"].items():
            if name.lower() in ("authorization", "x-api-key"):
                word, _space, secret = value.rpartition(" ")
                found[name] = f"{word} {self.tokens.get(secret, secret)}".strip()
        return found | ({"Content-Type": kind} if kind else {})

    def path(self, path: str) -> str:
        """Return a path with this server's numbers."""
        if path.startswith("/data/upload/"):
            return self.upload
        for noun, place in PLACES:
            if found := place.match(path):
                number = self.number(noun, int(found[1]))
                path = path[: found.start(1)] + str(number) + path[found.end(1) :]
        return path

    def query(self, name: str, value: str) -> str:
        """Return a query value with this server's numbers."""
        if name in QUERY and value.isdigit():
            return str(self.number(QUERY[name], int(value)))
        return value

    def number(self, noun: str, recorded: int) -> int:
        """Return the number here of a thing of the recorded server."""
        return self.numbers.get((noun, recorded), ABSENT)

    def body(self, asked: dict[str, Any]) -> tuple[bytes | None, str | None]:
        """Return a body and its type."""
        body = asked["body"]
        kind = next((v for k, v in asked["headers"].items() if k.lower() == "content-type"), None)
        if body is None:
            return None, None
        if isinstance(body, dict) and body.get("__binary__"):
            return (self.folder / body["file"]).read_bytes(), kind
        if isinstance(body, str):
            return body.encode(), kind
        return json.dumps(self.values(body)).encode(), "application/json"

    def values(self, body: Any, name: str = "") -> Any:
        """Return a JSON body with this server's numbers, tokens and places."""
        if isinstance(body, dict):
            return {key: self.values(value, key) for key, value in body.items()}
        if isinstance(body, list):
            noun = {"included": "task", "excluded": "task", "tasks": "task", "users": "user"}.get(
                name
            )
            return [
                self.number(noun, each) if noun and isinstance(each, int) else self.values(each)
                for each in body
            ]
        if isinstance(body, int) and not isinstance(body, bool) and name in ("project", "task"):
            return self.number(name, body)
        if isinstance(body, str):
            return self.word(body, name)
        return body

    def word(self, text: str, name: str) -> str:
        """Return a text of a body as it is here."""
        if name == "refresh":
            broken = text.endswith("AAAA")
            found = self.tokens.get(text, next(reversed(self.tokens.values())) if broken else text)
            return found[:-4] + "AAAA" if broken else found
        replaced = {
            "s3_endpoint": "s3_endpoint",
            "bucket": "bucket",
            "aws_access_key_id": "s3_access_key",
            "aws_secret_access_key": "s3_secret_key",
        }.get(name)
        if replaced:
            return str(self.given[replaced])
        if name == "path":
            return str(self.given["folder"])
        return text.replace("http://127.0.0.1:8191", self.given["backend"])

    def told(self, sent: httpx.Response) -> Any:
        """Return an answer's body in the form of the recordings."""
        if not sent.content:
            return None
        kind = sent.headers.get("content-type", "")
        if kind.startswith("application/json"):
            return sent.json()
        if kind.startswith("text/") or "csv" in kind or "tab-separated" in kind:
            return sent.text
        return {"__binary__": True, "bytes": len(sent.content), "zip": sent.content[:2] == b"PK"}

    def learn(self, asked: dict[str, Any], theirs: dict[str, Any], ours: Any) -> None:
        """Remember which number here stands for which number there."""
        told = theirs["body"]
        for place, noun in MADE.items():
            if asked["method"] == "POST" and re.fullmatch(place, asked["path"]):
                if (
                    isinstance(told, dict)
                    and isinstance(ours, dict)
                    and {"id"} <= told.keys() & ours.keys()
                ):
                    if isinstance(told["id"], int) and isinstance(ours["id"], int):
                        self.numbers[noun, told["id"]] = ours["id"]
        if isinstance(told, dict) and isinstance(ours, dict):
            for name, noun in (("task_ids", "task"), ("file_upload_ids", "upload")):
                pairs = zip(told.get(name) or (), ours.get(name) or (), strict=False)
                self.numbers.update({(noun, there): here for there, here in pairs})
            for name in ("token", "refresh", "access"):
                if isinstance(told.get(name), str) and isinstance(ours.get(name), str):
                    self.tokens[told[name]] = ours[name]
            if asked["path"].startswith("/api/import/file-upload/") and "file" in ours:
                self.upload = f"/data/{ours['file']}"

    def sign_in(self) -> None:
        """Sign in as a browser does."""
        page = self.client.get("/sign-in").text
        found = re.search(r'name="csrf[_-]token"[^>]*(?:value|content)="([^"]+)"', page)
        form = {"csrf_token": found[1] if found else "", "username": self.given["username"]}
        self.client.post("/sign-in", data=form | {"password": self.given["password"]})


def was_missing(recording: dict[str, Any]) -> bool:
    """Tell whether the recorded server had no such route: it answered with a page."""
    told = recording["exchanges"][0]["response"]
    return told["status"] == 404 and isinstance(told["body"], str)


def number_of(body: Any) -> int | None:
    """Return the number of the thing that an answer holds."""
    found = body.get("id") if isinstance(body, dict) else None
    return found if isinstance(found, int) else None


def main() -> None:
    """Replay, and write the answers down."""
    folder, given, target = (Path(name) for name in sys.argv[1:])
    answers = Replay(folder, json.loads(given.read_text(encoding="utf-8"))).run()
    target.write_text(json.dumps(answers, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main()
