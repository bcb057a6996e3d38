"""Show every page, safely, in both languages."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
from jinja2 import nodes
from jinja2.defaults import DEFAULT_FILTERS

from jinbiao.tests.server.world import BOXES, FACTS, World, box, picture

ROOT = Path(__file__).resolve().parents[2]
# Data for our own scripts are no scripts, nor are those for search engines.
INLINE = re.compile(r"<script(?![^>]*\ssrc=)(?! type=\"application/(?:ld\+)?json\")[^>]*>")


@pytest.fixture(scope="module")
def filled(shared_world: World) -> World:
    """Fill a world with something of everything."""
    world = shared_world
    project, version = world.frozen(3)
    assert (project, version) == (1, 1)
    asked = {**FACTS, "name": "texts"}
    world.done(world.post("requester", f"/api/versions/{version}/publish", asked))
    pictures = world.project(config=BOXES)
    world.upload(pictures, ("a.png", picture()), ("b.png", b"no picture"))
    task = world.tasks(pictures)[0]["id"]
    world.good(world.post("annotator", f"/api/tasks/{task}/annotations/", {"result": [box()]}), 201)
    world.post("requester", f"/api/projects/{pictures}/import", [{"image": "x"}])
    made = {"kind": "sequence_tagger"}
    world.good(world.post("requester", f"/api/projects/{project}/models/", made), 201)
    return world


PAGES = [
    ("/", None),
    ("/sign-in", None),
    ("/datasets", None),
    ("/datasets/alpha/texts", None),
    ("/datasets/alpha/texts/files", None),
    ("/", "requester"),
    ("/", "annotator"),
    ("/", "reviewer"),
    ("/", "admin"),
    ("/projects", "annotator"),
    ("/projects/new", "requester"),
    ("/projects/1", "requester"),
    ("/projects/2", "annotator"),
    ("/projects/1/tasks", "requester"),
    ("/projects/2/tasks?state=labelled", "requester"),
    ("/projects/2/tasks", "annotator2"),
    ("/projects/1/import", "requester"),
    ("/projects/2/label", "annotator"),
    ("/projects/2/review", "reviewer"),
    ("/tasks/1", "requester"),
    ("/tasks/4", "reviewer"),
    ("/tasks/4/editor", "annotator"),
    ("/editor", "annotator"),
    ("/jobs", "requester"),
    ("/versions/1", "requester"),
    ("/projects/1/models", "requester"),
    ("/projects/1/models", "reviewer"),
    ("/projects/1/models/cards", "vendor"),
    ("/projects/1/models/running", "vendor"),
    ("/projects/1/models/failures", "reviewer"),
    ("/projects/1/models/new/language_model", "vendor"),
    ("/projects/2/models", "admin"),
    ("/projects/2/models/new/onnx", "requester"),
    ("/models/1", "requester"),
    ("/models/1", "reviewer"),
    ("/account", "annotator"),
    ("/people", "vendor"),
    ("/people", "admin"),
    ("/audit", "admin"),
]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(("path", "who"), PAGES)
def test_a_page_is_shown_with_the_safe_headers(
    filled: World, path: str, who: str | None, language: str
) -> None:
    mark = "&" if "?" in path else "?"
    page = filled.get(who, f"{path}{mark}language={language}")
    assert (page.status_code, page.mimetype) == (200, "text/html"), page.text[:500]
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy and "object-src 'none'" in policy
    assert "'unsafe-inline'" not in re.findall(r"script-src[^;]*", policy)[0]
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert not INLINE.search(page.text), "an inline script"
    assert not re.search(r"\son[a-z]+=", page.text), "an inline handler"
    for found in re.findall(r"""(?:src|href|action)=["']([^"']*)["']""", page.text):
        assert not re.match(r"(?i)\s*(javascript|data:text)", found)


def test_every_job_has_its_page(filled: World) -> None:
    for job in filled.good(filled.get("requester", "/api/jobs/")):
        for path in (f"/jobs/{job['id']}", f"/jobs/{job['id']}/card"):
            page = filled.get("requester", path)
            assert (page.status_code, page.mimetype) == (200, "text/html"), page.text[:300]


def test_local_files_of_a_page_are_there(filled: World) -> None:
    seen = set()
    for path, who in PAGES:
        for found in re.findall(
            r'(?:src|href)="(/(?:static|scripts)/[^"]+)"', filled.get(who, path).text
        ):
            seen.add(found.replace("&amp;", "&"))
    assert seen
    for address in seen:
        assert filled.get(None, address).status_code == 200, address


def test_no_words_are_fixed_when_a_template_is_compiled(filled: World) -> None:
    """A filter of a constant is worked out once: in the language of the first reader, for all."""
    environment = filled.app.jinja_env
    fixed = []
    for name in environment.list_templates():
        source = (ROOT / "ui" / "templates" / name).read_text(encoding="utf-8")
        for each in environment.parse(source, name).find_all(nodes.Filter):
            if each.name in DEFAULT_FILTERS or each.node is None:
                continue
            with contextlib.suppress(nodes.Impossible):
                each.node.as_const(nodes.EvalContext(environment, name))
                fixed.append(f"{name}:{each.lineno} {each.name}")
    assert fixed == []


def test_scripts_come_from_their_folder_only(filled: World) -> None:
    assert filled.get(None, "/scripts/workbench.js").mimetype == "text/javascript"
    for path in ("/scripts/../templates/error.html", "/scripts/%2e%2e/words", "/scripts/none.js"):
        assert filled.get(None, path).status_code == 404
    for path in ("/static/../templates/error.html", "/static/%2e%2e/%2e%2e/setup.cfg"):
        assert filled.get(None, path).status_code == 404


@pytest.mark.parametrize(
    "path", ["/audit?before=x", "/projects?before=-1", "/projects/1/tasks?after=x"]
)
def test_a_page_that_cannot_be_is_refused(filled: World, path: str) -> None:
    page = filled.get("admin", path)
    assert (page.status_code, page.mimetype) == (400, "text/html")
