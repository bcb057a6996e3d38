"""Fill an installation with one of everything that the API knows, through the API."""

from __future__ import annotations

import base64
import json
import re
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinbiao.tests.clients.model_backend import ModelBackend
from jinbiao.tests.clients.served import PASSWORD, Served
from jinbiao.tests.server.world import APPLICATION, FACTS, TEXTS, entity

WAIT_SECONDS = 60.0
# Refresh tokens: what is done to one makes it worthless.
REFRESHED = ("refresh", "rotated", "blacklisted")
ENDED = ("done", "failed", "cancelled")


@dataclass
class Client:
    """Ask one server as its administrator."""

    served: Served

    def ask(self, method: str, path: str, sent: Any = None) -> Any:
        """Send JSON, return the answer's; urllib raises for 400 and above."""
        body = None if sent is None else json.dumps(sent).encode()
        asked = urllib.request.Request(self.served.url + path, body, method=method)
        asked.add_header("Authorization", f"Token {self.served.token}")
        if body is not None:
            asked.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(asked, timeout=30) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    def post(self, path: str, sent: Any) -> Any:
        """Send a POST."""
        return self.ask("POST", path, sent)

    def done(self, job: dict[str, Any]) -> dict[str, Any]:
        """Wait until a job ended well; return its result."""
        end = time.monotonic() + WAIT_SECONDS
        while job["state"] not in ENDED:
            assert time.monotonic() < end, job
            time.sleep(0.1)
            job = self.ask("GET", f"/api/jobs/{job['id']}/")
        assert job["state"] == "done", job
        found: dict[str, Any] = job["result"]
        return found


class Person:
    """Work in the browser as somebody else: nobody reviews what they made or brought."""

    def __init__(
        self, served: Served, mark: str, role: str, organisation: str = "platform"
    ) -> None:
        name = f"{role}-{mark}"
        told = {"username": name, "role": role, "organization": organisation}
        self.id = Client(served).post("/api/users/", {**told, "password": PASSWORD})["id"]
        self.url = served.url
        self.browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        form = {"username": name, "password": PASSWORD, "csrf_token": self._mark("/sign-in")}
        self.browser.open(self.url + "/sign-in", urlencode(form).encode(), 30).close()
        self.csrf = self._mark("/account")

    def _mark(self, path: str) -> str:
        with self.browser.open(self.url + path, timeout=30) as page:
            found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.read().decode())
        assert found
        return found[1]

    def ask(self, method: str, path: str, sent: Any) -> Any:
        """Send JSON with the browser's session; return the answer's."""
        asked = urllib.request.Request(self.url + path, json.dumps(sent).encode(), method=method)
        asked.add_header("Content-Type", "application/json")
        asked.add_header("X-CSRFToken", self.csrf)
        with self.browser.open(asked, timeout=30) as answer:
            return json.loads(answer.read())

    def accept(self, annotation: int) -> Any:
        """Accept an annotation; return the review."""
        return self.ask("POST", f"/api/annotations/{annotation}/reviews", {"verdict": "accept"})


def fill(served: Served, backend: ModelBackend, mark: str, apart: bool = False) -> dict[str, Any]:
    """Make one of everything; return what a request may say of it: name → value.

    `apart`: what was said is of other tasks than the one that is named, so that each can be
    deleted by itself.
    """
    client = Client(served)
    asked = {"title": mark, "label_config": TEXTS, "maximum_annotations": 3}
    project = client.post("/api/projects/", asked)["id"]
    person = {"username": f"person-{mark}", "role": "annotator", "organization": "platform"}
    user = client.post("/api/users/", person)["id"]
    path = f"/api/projects/{project}/import?return_task_ids=true"
    tasks = client.post(path, [{"text": f"天津大学{n}"} for n in range(9)])["task_ids"]
    annotator = Person(served, mark, "annotator")
    annotations = [
        annotator.ask("POST", f"/api/tasks/{task}/annotations/", {"result": entity()})["id"]
        for task in tasks
    ]
    again = f"/api/annotations/{annotations[7]}/"
    annotator.ask("PATCH", again, {"result": entity(end=3)})
    other = Person(served, f"other-{mark}", "annotator")
    other.ask("POST", f"/api/tasks/{tasks[8]}/annotations/", {"result": entity(end=2)})
    client.post(f"/api/projects/{project}/guideline/", {"text": "# 规范", "note": "新版"})
    team = client.post("/api/teams/", {"name": mark})["id"]
    client.ask("PUT", f"/api/teams/{team}/members/{user}/", {})
    reviewer = Person(served, mark, "reviewer")
    for annotation in (*annotations[:2], annotations[5]):
        reviewed = reviewer.accept(annotation)
    # Whoever answers a task has no draft of it any more: that of another one stays.
    task, answered, drafted = 2, 3 if apart else 2, 4
    return {
        "project_id": project,
        "user_id": user,
        "team_id": team,
        "organisation_id": served.organization,
        "flag_id": client.post(f"/api/tasks/{tasks[task]}/flags", {"kind": "bad_data"})["id"],
        "entry_id": client.post(f"/api/projects/{project}/access", {"users": [user]})["entries"][0][
            "id"
        ],
        "task_id": tasks[task],
        "annotation_id": annotations[answered],
        "review_id": reviewed["id"],
        "awaiting": annotations[4],
        "contested": tasks[8],
        "accepted": annotations[5],
        "judged": annotations[6],
        "changed": annotations[7],
        "dashboard": "orders",
        "tried": [{"act": "add", "control": "label", "into": [f"试{mark}"]}],
        "steps": [{"act": "add", "control": "label", "into": [f"另{mark}"]}],
        "change_id": _changed(client, mark),
        **{name: client.post("/api/token/", {})["token"] for name in REFRESHED},
        "organisation": "platform",
        "name": f"texts-{mark}",
        "result": entity(),
        "label_config": TEXTS,
        "path": served.pictures,
        "url": backend.url,
        "draft_id": client.post(f"/api/tasks/{tasks[drafted]}/drafts", {"result": []})["id"],
        # The administrator knows the answers and cannot sit: there is no attempt of theirs.
        "attempt_id": 1,
        **_said(client, project, tasks[answered], annotations[answered]),
        **_slow(client, project, mark),
        "key": _record_key(served, mark),
        "target": f"hub-{project}",
        "application_id": _application(served, mark),
        **_connections(client, project, backend, Path(served.pictures)),
    }


def _changed(client: Client, mark: str) -> int:
    """Change the labels of a project of its own; return the number of the change."""
    asked = {"title": f"labels-{mark}", "label_config": TEXTS}
    project = client.post("/api/projects/", asked)["id"]
    steps = [{"act": "add", "control": "label", "into": ["新"]}]
    told = client.post(f"/api/projects/{project}/config-changes", {"steps": steps})
    client.done(told["job"])
    return int(told["change"]["id"])


def _said(client: Client, project: int, task: int, annotation: int) -> dict[str, Any]:
    """Make what hangs on a project, a task and its annotation."""
    told = {"annotation": annotation, "text": "看这里"}
    predicted = {"task": task, "result": entity(end=2), "model_version": "m"}
    hook = {"project": project, "url": "http://127.0.0.1:1/", "actions": ["TASKS_CREATED"]}
    added = {
        "project": project,
        "from_name": "label",
        "title": f"新{project}",
        "value": f"新{project}",
    }
    model = client.post(f"/api/projects/{project}/models/", {"kind": "sequence_tagger"})
    (label,) = client.post("/api/labels/", [added])
    links = client.ask("GET", f"/api/label_links/?project={project}")["results"]
    return {
        "prediction_id": client.post("/api/predictions/", predicted)["id"],
        "comment_id": client.post("/api/comments/", told)["id"],
        "view_id": client.post("/api/dm/views/", {"project": project, "data": {}})["id"],
        "snapshot_id": client.post(f"/api/projects/{project}/exports/", {})["id"],
        "webhook_id": client.post("/api/webhooks/", hook)["id"],
        "target_id": _target(client, f"hub-{project}"),
        "feed_id": _feed(client, project),
        **_material(client, project),
        "upload_id": _upload(client, project),
        "model_id": model["id"],
        "label_id": label["id"],
        "link_id": links[0]["id"],
    }


def _target(client: Client, name: str) -> int:
    """Add a catalogue that is not there: it is sent links, so also data under conditions."""
    told = {"name": name, "kind": "ckan", "url": "https://ckan.example"}
    return int(client.post("/api/push-targets/", {**told, "owner": "city", "token": "t"})["id"])


def _material(client: Client, project: int) -> dict[str, Any]:
    """Make a library with a text in it, and begin an upload of nobody's bytes."""
    made = client.post("/api/libraries/", {"title": f"来料-{project}"})["id"]
    address = f"{client.served.url}/api/libraries/{made}/intake"
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    body = head + b"13800138000\r\n--b--"
    headers = {
        "Authorization": f"Token {client.served.token}",
        "Content-Type": "multipart/form-data; boundary=b",
    }
    with urllib.request.urlopen(urllib.request.Request(address, body, headers)) as answer:
        (job,) = json.load(answer)
    client.done(job)
    (asset,) = client.ask("GET", f"/api/libraries/{made}/assets/")["results"]
    client.done(client.post(f"/api/libraries/{made}/scans/", {}))
    (hit,) = client.ask("GET", f"/api/libraries/{made}/findings/")["results"]
    headers |= {"Tus-Resumable": "1.0.0", "Upload-Length": "9", "Upload-Metadata": "name YQ=="}
    address = f"{client.served.url}/api/transfers/?library={made}"
    with urllib.request.urlopen(urllib.request.Request(address, b"", headers)) as answer:
        key = answer.headers["Location"].rpartition("/")[2]
    # Another, whole from the beginning, of a batch that nobody has brought yet.
    batch = f"batch-{project:04}"
    told = f"name YQ==,batch {base64.b64encode(batch.encode()).decode()}"
    headers |= {"Upload-Length": "0", "Upload-Metadata": told}
    with urllib.request.urlopen(urllib.request.Request(address, b"", headers)):
        pass
    steps = [{"operator": "text.strip_html"}]
    recipe = client.post("/api/recipes/", {"name": f"清洗-{project}", "steps": steps})
    run = client.post(f"/api/libraries/{made}/cleanings/", {"recipe": recipe["id"]})
    return {
        "recipe_id": recipe["id"],
        "number": 1,
        "cleaning_id": run["id"],
        "library_id": made,
        "asset_id": asset["id"],
        "hit_id": hit["id"],
        "transfer_key": key,
        "batch": batch,
    }


def _feed(client: Client, project: int) -> int:
    """Add a feed that reads an address of nobody."""
    told = {"project": project, "kind": "addresses", "addresses": ["https://feed.example/a.txt"]}
    return int(client.post("/api/feeds/", told)["id"])


def _slow(client: Client, project: int, mark: str) -> dict[str, Any]:
    """Make what jobs make: a version, an export, a published dataset, an import."""
    versions = f"/api/projects/{project}/versions/"
    version = client.done(client.post(versions, {}))["version"]
    exports = f"/api/versions/{version}/exports/"
    export = client.done(client.post(exports, {"format": "jsonl"}))["export"]
    client.done(client.post(f"/api/versions/{version}/publish", {**FACTS, "name": f"texts-{mark}"}))
    later = client.post(f"/api/projects/{project}/import?async=true", [{"text": "丙"}])["import"]
    started = client.ask("GET", f"/api/projects/{project}/imports/{later}/")
    talks = f"/api/catalogue/platform/texts-{mark}/discussions/"
    return {
        "pair": "v1.0.0...v1.0.0",
        "discussion_id": client.post(talks, {"title": "一问", "text": "为何"})["id"],
        "version_id": version,
        "export_id": export,
        "import_id": later,
        "job_id": started["job"],
    }


def _record_key(served: Served, mark: str) -> str:
    """Return the key of a published record."""
    path = f"/datasets/platform/texts-{mark}/resolve/main/receipts/receipts.jsonl"
    with urllib.request.urlopen(served.url + path, timeout=30) as answer:
        return str(json.loads(answer.readline())["key"])


def _application(served: Served, mark: str) -> int:
    """Put a dataset under conditions, and let somebody from elsewhere apply for it."""
    dataset = f"platform/texts-{mark}"
    conditions = {"openness": "conditional", "open_condition": "仅供研究"}
    Client(served).ask("PATCH", f"/api/catalogue/{dataset}/facts/", conditions)
    builder = Person(served, mark, "model_builder", "city")
    told = {**APPLICATION, "dataset": dataset}
    return int(builder.ask("POST", "/api/datasets-applications/", told)["id"])


def _upload(client: Client, project: int) -> int:
    """Upload a file as a form; return the number of the upload."""
    body = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
        b"text\nabc\n\r\n--x--\r\n"
    )
    asked = urllib.request.Request(f"{client.served.url}/api/projects/{project}/import", body)
    asked.add_header("Authorization", f"Token {client.served.token}")
    asked.add_header("Content-Type", "multipart/form-data; boundary=x")
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return int(json.load(answer)["file_upload_ids"][0])


def _connections(
    client: Client, project: int, backend: ModelBackend, folder: Path
) -> dict[str, Any]:
    """Connect a model backend and two folders."""
    told = {"project": project, "url": backend.url, "title": "m", "is_interactive": True}
    place = {"project": project, "title": "folder", "path": str(folder), "use_blob_urls": True}
    source, target = "/api/storages/localfiles/", "/api/storages/export/localfiles"
    return {
        "backend_id": client.post("/api/ml/", told)["id"],
        "kind": "localfiles",
        "storage_id": client.post(source, place)["id"],
        "export_storage_id": client.post(target, place)["id"],
    }
