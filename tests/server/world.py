"""Make a small world: two organisations, a person of every role, and clients to ask as them."""

from __future__ import annotations

import io
import shutil
import zipfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache
from PIL import Image
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from jinbiao.datasets import labels, migrations, people
from jinbiao.datasets.db import Database
from jinbiao.datasets.installation import Installation, open_installation
from jinbiao.datasets.jobs import Job, JobState
from jinbiao.datasets.people import Role
from jinbiao.datasets.settings import Settings
from jinbiao.datasets.tasks import Task
from jinbiao.server.app import create
from jinbiao.tests import factories
from jinbiao.tests.server import documented
from jinbiao.workers import run


def remember_addresses() -> None:
    """Write the code that builds a route's addresses once, not for each of thousands of worlds.

    It is most of what an application costs, and the same in all of them: it hangs on the rule
    alone, and is bound to the route that asks for it.
    """
    write, written = Rule._compile_builder, {}

    def read(rule: Rule, append_unknown: bool = True) -> Any:
        key = (rule.rule, repr(rule.defaults), rule.subdomain, rule.host, append_unknown)
        if key not in written:
            written[key] = write(rule, append_unknown)
        return written[key]

    Rule._compile_builder = read  # type: ignore[method-assign]


class Pages(BytecodeCache):
    """Compile each template once, not for each world whose pages are looked at."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill in what an earlier world compiled."""
        if content := self.kept.get((bucket.key, bucket.checksum)):
            bucket.bytecode_from_string(content)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled."""
        self.kept[bucket.key, bucket.checksum] = bucket.bytecode_to_string()


remember_addresses()
PAGES = Pages()

PASSWORD = "correct horse 7"
# What has to be said of a dataset before it is published.
FACTS = factories.FACTS
# What somebody says who applies for a dataset under conditions.
APPLICATION = factories.APPLICATION
SECRET = "0123456789abcdef" * 4
# name → (role, organisation); the owner of the projects is "alpha", a project may be given to
# the company "gamma", and "beta" has nothing to do with either.
PEOPLE = {
    "admin": (Role.PLATFORM_ADMIN, "platform"),
    "requester": (Role.REQUESTER, "alpha"),
    "vendor": (Role.VENDOR_ADMIN, "alpha"),
    "annotator": (Role.ANNOTATOR, "alpha"),
    "annotator2": (Role.ANNOTATOR, "alpha"),
    "reviewer": (Role.REVIEWER, "alpha"),
    "reviewer2": (Role.REVIEWER, "alpha"),
    "inspector": (Role.ACCEPTANCE_INSPECTOR, "alpha"),
    "manager": (Role.ANNOTATION_MANAGER, "alpha"),
    "leader": (Role.TEAM_LEADER, "alpha"),
    "arbitrator": (Role.ARBITRATOR, "alpha"),
    "speed_tester": (Role.SPEED_TESTER, "alpha"),
    "system": (Role.SYSTEM_ADMIN, "platform"),
    "security": (Role.SECURITY_ADMIN, "platform"),
    "auditor": (Role.AUDIT_ADMIN, "platform"),
    "builder": (Role.MODEL_BUILDER, "builder"),
    "regulator": (Role.REGULATOR, "bureau"),
    "industry": (Role.INDUSTRY_OFFICER, "bureau"),
    "company": (Role.VENDOR_ADMIN, "gamma"),
    "company_manager": (Role.ANNOTATION_MANAGER, "gamma"),
    "other_requester": (Role.REQUESTER, "beta"),
    "other_vendor": (Role.VENDOR_ADMIN, "beta"),
    "other_annotator": (Role.ANNOTATOR, "beta"),
    "other_reviewer": (Role.REVIEWER, "beta"),
}
BOXES = labels.TEMPLATES["defect_boxes"].config
TEXTS = labels.TEMPLATES["text_entities"].config


def populate(database: Database) -> dict[str, str]:
    """Migrate an empty database, add everybody, and return name → API token."""
    migrations.upgrade(database)
    tokens: dict[str, str] = {}
    with database.write() as session:
        homes = {
            slug: people.add_organisation(session, slug, slug)
            for slug in dict.fromkeys(slug for _role, slug in PEOPLE.values())
        }
        for name, (role, slug) in PEOPLE.items():
            person, _none = people.add_user(
                session, name, role=role, organisation=homes[slug], password=PASSWORD
            )
            tokens[name] = people.add_token(session, person)[1]
    return tokens


class Client(FlaskClient):
    """Ask as a browser does where cookies are kept, and as a program where none are."""

    def __init__(self, *args: Any, use_cookies: bool = True, **given: Any) -> None:
        """Name the pages that a browser wants."""
        super().__init__(*args, use_cookies=use_cookies, **given)
        if use_cookies:
            self.environ_base["HTTP_ACCEPT"] = "text/html,application/xhtml+xml,*/*;q=0.8"


@dataclass
class World:
    """One installation with its application."""

    installation: Installation
    tokens: dict[str, str]
    app: Flask = field(init=False)
    plain: FlaskClient = field(init=False)

    def __post_init__(self) -> None:
        self.app = create(self.installation)
        self.app.test_client_class = Client
        self.app.jinja_env.bytecode_cache = PAGES
        self.plain = self.app.test_client(use_cookies=False)

    def ask(self, method: str, path: str, who: str | None = None, **given: Any) -> TestResponse:
        """Send a request, as somebody by token or as nobody."""
        headers = dict(given.pop("headers", {}))
        if who is not None:
            headers.setdefault("Authorization", f"Token {self.tokens[who]}")
        answer = self.plain.open(path, method=method, headers=headers, buffered=True, **given)
        documented.check(self.app, method, path, answer)
        return answer

    def get(self, who: str | None, path: str, **given: Any) -> TestResponse:
        """Send a GET."""
        return self.ask("GET", path, who, **given)

    def post(self, who: str | None, path: str, json: Any = None, **given: Any) -> TestResponse:
        """Send a POST, with JSON unless told otherwise."""
        if json is not None:
            given["json"] = json
        return self.ask("POST", path, who, **given)

    def patch(self, who: str | None, path: str, json: Any, **given: Any) -> TestResponse:
        """Send a PATCH with JSON."""
        return self.ask("PATCH", path, who, json=json, **given)

    def good(self, response: TestResponse, status: int = 200) -> Any:
        """Return the answer's JSON; it must have this status."""
        assert response.status_code == status, response.text[:2000]
        return response.json

    def project(self, who: str = "requester", config: str = TEXTS, **values: Any) -> int:
        """Create a project through the API and return its number."""
        asked = {"title": "样例", "label_config": config, **values}
        return int(self.good(self.post(who, "/api/projects/", asked), 201)["id"])

    def import_list(self, project: int, tasks: Any, who: str = "requester") -> dict[str, Any]:
        """Import a JSON list; return what the answer says."""
        answer = self.post(who, f"/api/projects/{project}/import?return_task_ids=true", tasks)
        told: dict[str, Any] = self.good(answer, 201)
        return told

    def import_later(self, project: int, *file: Any, who: str = "requester") -> dict[str, Any]:
        """Import a JSON list or a file as a job, and do it; return the job."""
        return self.finished(self.import_waiting(project, *file, who=who))

    def import_waiting(self, project: int, *file: Any, who: str = "requester") -> str:
        """Ask for an import as a job that nobody does yet; return the job's id."""
        path = f"/api/projects/{project}/import?async=true"
        if len(file) == 1:
            answer = self.post(who, path, file[0])
        else:
            data, content_type = multipart((file[0], file[1]))
            answer = self.ask("POST", path, who, data=data, content_type=content_type)
        number = self.good(answer, 201)["import"]
        told = self.good(self.get(who, f"/api/projects/{project}/imports/{number}/"))
        return str(told["job"])

    def upload(
        self, project: int, *files: tuple[str, bytes], who: str = "requester"
    ) -> list[dict[str, Any]]:
        """Upload files one after another as jobs, and do them; return them."""
        return [self.import_later(project, name, content, who=who) for name, content in files]

    def finished(self, job_id: str) -> dict[str, Any]:
        """Do one job in this process and return how it ended."""
        run.perform(self.installation, job_id)
        job: dict[str, Any] = self.good(self.get("admin", f"/api/jobs/{job_id}/"))
        return job

    def done(self, response: TestResponse) -> dict[str, Any]:
        """Do the job that an answer names; it must end well; return its result."""
        job = self.finished(self.good(response, 202)["id"])
        assert job["state"] == JobState.DONE, job
        result: dict[str, Any] = job["result"]
        return result

    def upload_now(
        self, project: int, *files: tuple[str, bytes], who: str = "requester", **query: str
    ) -> dict[str, Any]:
        """Upload files that become tasks at once; return what the answer says."""
        data, content_type = multipart(*files)
        answer = self.ask(
            "POST",
            f"/api/projects/{project}/import",
            who,
            data=data,
            content_type=content_type,
            query_string=query,
        )
        told: dict[str, Any] = self.good(answer, 201)
        return told

    def tasks(self, project: int, who: str = "requester") -> list[dict[str, Any]]:
        """List a project's tasks."""
        path = f"/api/tasks/?project={project}&page_size=1000&fields=all"
        rows: list[dict[str, Any]] = self.good(self.get(who, path))["tasks"]
        return rows

    def states(self, project: int) -> list[str]:
        """List the states of a project's tasks by id."""
        with self.installation.database.read() as session:
            query = sa.select(Task.state).where(Task.project_id == project).order_by(Task.id)
            return list(session.scalars(query))

    def labelled(self, number: int = 4) -> int:
        """Make a project of texts that one person labelled and another accepted."""
        project = self.project()
        self.import_list(project, [{"text": f"天津大学第{n}号"} for n in range(number)])
        for _ in range(number):
            task = self.good(self.get("annotator", f"/api/projects/{project}/next"))
            sent = {"result": entity(), "unique_id": task["unique_lock_id"]}
            self.good(self.post("annotator", f"/api/tasks/{task['id']}/annotations/", sent), 201)
        for _ in range(number):
            task = self.good(self.get("reviewer", f"/api/projects/{project}/next_review"))
            path = f"/api/annotations/{task['annotations'][0]['id']}/reviews"
            self.good(self.post("reviewer", path, {"verdict": "accept"}), 201)
        return project

    def frozen(self, number: int = 4) -> tuple[int, int]:
        """Make a frozen version; return (project, version)."""
        project = self.labelled(number)
        result = self.done(self.post("requester", f"/api/projects/{project}/versions/", {}))
        return project, int(result["version"])

    def waiting(self) -> list[str]:
        """List the jobs that nobody has taken."""
        with self.installation.database.read() as session:
            query = sa.select(Job.id).where(Job.state == JobState.WAITING)
            return list(session.scalars(query))


def entity(start: int = 0, end: int = 4, label: str = "ORG", number: int = 1) -> list[Any]:
    """Return a result with one span of the text."""
    return [
        {
            "id": f"span_{number}",
            "from_name": "label",
            "to_name": "text",
            "type": "labels",
            "value": {"start": start, "end": end, "labels": [label]},
        }
    ]


def box(label: str = "dent", number: int = 1, **value: float) -> dict[str, Any]:
    """Return a region of one box on a picture of 40 × 30 pixels."""
    place = {"x": 10.0, "y": 10.0, "width": 20.0, "height": 20.0, "rotation": 0, **value}
    return {
        "id": f"box_{number}",
        "from_name": "label",
        "to_name": "image",
        "type": "rectanglelabels",
        "original_width": 40,
        "original_height": 30,
        "image_rotation": 0,
        "value": {**place, "rectanglelabels": [label]},
    }


@cache
def picture(seed: int = 1, size: tuple[int, int] = (40, 30)) -> bytes:
    """Return a small PNG, another one for each seed."""
    out = io.BytesIO()
    Image.new("RGB", size, (seed % 256, seed // 256 % 256, 99)).save(out, "PNG")
    return out.getvalue()


def multipart(*files: tuple[str, bytes]) -> tuple[bytes, str]:
    """Return a form with files of the name `file`, and its content type."""
    mark = "boundary-of-a-test"
    parts = [
        b'--%s\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n%s\r\n"
        % (mark.encode(), name.replace('"', "%22").replace("\n", "%0A").encode(), content)
        for name, content in files
    ]
    return b"".join(parts) + f"--{mark}--\r\n".encode(), f"multipart/form-data; boundary={mark}"


def zipped(files: dict[str, bytes]) -> bytes:
    """Return a ZIP of files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def settings_of(home: Path, database_url: str) -> Settings:
    """Return settings with small limits; no queue is there."""
    home.mkdir(parents=True, exist_ok=True)
    return Settings(
        home,
        database_url=database_url,
        redis_url=f"unix://{home / 'nobody.sock'}",
        secret_key=SECRET,
        maximum_upload_bytes=64 * 1024**2,
        maximum_archive_bytes=256 * 1024**2,
    )


def copied(template: Path, home: Path) -> Settings:
    """Return settings of a home with a copy of the populated database."""
    settings = settings_of(home, f"sqlite:///{home / 'jinbiao.sqlite3'}")
    shutil.copy(template, home / "jinbiao.sqlite3")
    return settings


def opened(settings: Settings, tokens: dict[str, str]) -> World:
    """Open a world over settings whose database is populated."""
    return World(open_installation(settings), tokens)
