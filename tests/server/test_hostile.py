"""Take hostile files and bodies: each is refused with its reason, nothing falls over."""

from __future__ import annotations

import csv
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from jinbiao.tests.server.test_rights import address, body, fill, rules
from jinbiao.tests.server.world import BOXES, TEXTS, World, picture, zipped

SECONDS = 30.0  # for one hostile file, on a busy machine
CONFIGS = {
    "image": BOXES,
    "text": TEXTS,
    "audio": '<View><Audio name="a" value="$audio"/><Choices name="c" toName="a">'
    '<Choice value="x"/></Choices></View>',
    "hyper": '<View><HyperText name="t" value="$html"/><Choices name="c" toName="t">'
    '<Choice value="x"/></Choices></View>',
}
FOLDERS = ("images", "archives", "json", "label_studio", "xss", "audio", "text", "tables")


@pytest.fixture(scope="module")
def hostile(samples: Path) -> Path:
    """Give the hostile samples."""
    return samples / "hostile"


def listed(folder: str) -> list[str]:
    """List the files of a folder of hostile samples; nothing where they are not here."""
    root = Path(__file__).resolve().parents[3] / "shared" / "samples" / "hostile"
    if not root.is_dir():
        return ["none"]
    with (root / "INDEX.csv").open(encoding="utf-8", newline="") as stream:
        named = {row["path"] for row in csv.DictReader(stream)}
    there = {str(path.relative_to(root)) for path in (root / folder).rglob("*") if path.is_file()}
    return sorted(name for name in named | there if name.startswith(f"{folder}/"))


@pytest.fixture
def untouched(world: World, tmp_path: Path) -> Iterator[World]:
    """Give a world, and look afterwards that nothing was written beside its home."""
    before = set(tmp_path.parent.iterdir())
    yield world
    assert {path.name for path in tmp_path.iterdir()} == {"home"}
    assert set(tmp_path.parent.iterdir()) == before
    for name in ("evil", "evil.txt", "pwned", "pwned.txt"):
        assert not Path("/tmp", name).exists()
    assert not list((world.installation.settings.home / "spool").glob("*"))


@pytest.mark.parametrize("name", [name for folder in FOLDERS for name in listed(folder)])
def test_a_hostile_file_is_refused_or_kept_whole(
    untouched: World, hostile: Path, name: str
) -> None:
    world, content = untouched, (hostile / name).read_bytes()
    for config in CONFIGS.values():
        project = world.project(config=config)
        begin = time.monotonic()
        for job in world.upload(project, (Path(name).name, content)):
            assert job["state"] in ("done", "failed"), job
            assert "internal" not in (job["error"] or ""), job
            check_rejects(world, job)
        assert time.monotonic() - begin < SECONDS
        check_pages(world, project)


def check_rejects(world: World, job: dict[str, Any]) -> None:
    """Each reject says where and why."""
    if job["state"] == "failed":
        assert job["error"]
        return
    if job["result"]["rejected"]:
        sent = world.get("requester", f"/jobs/{job['id']}/rejects")
        lines = [json.loads(line) for line in sent.text.splitlines()]
        assert len(lines) == job["result"]["rejected"]
        assert all(line["reason"] for line in lines)
    page = world.get("requester", f"/jobs/{job['id']}")
    assert page.status_code == 200


def check_pages(world: World, project: int) -> None:
    """What was kept is shown as text or as a picture, never as markup."""
    rows = world.tasks(project)
    page = world.get("requester", f"/projects/{project}/tasks")
    assert page.status_code == 200
    for text in ("<script>alert", "<img src=x", "<img src=x onerror=alert", "<svg onload"):
        assert text not in page.text
    for task in rows[:20]:
        shown = world.get("requester", f"/tasks/{task['id']}")
        assert shown.status_code == 200
        assert "<script>alert" not in shown.text
        for value in task["data"].values():
            if isinstance(value, str) and value.startswith("/media/"):
                sent = world.get(None, value)
                assert sent.status_code == 200
                assert sent.mimetype not in ("text/html", "image/svg+xml", "application/xml")
                assert sent.headers["X-Content-Type-Options"] == "nosniff"


def test_the_good_ones_of_a_folder_are_kept(untouched: World, hostile: Path) -> None:
    files = {
        path.name: path.read_bytes()
        for path in sorted((hostile / "images").iterdir())
        if path.stat().st_size < 2_000_000
    }
    files["good.png"] = picture()
    project = untouched.project(config=BOXES)
    (job,) = untouched.upload(project, ("all.zip", zipped(files)))
    assert job["state"] == "done"
    rows = untouched.tasks(project)
    names = {task["data"]["image"].rpartition("/")[2] for task in rows}
    assert {"good.png", "one_pixel.png", "exif_orientation_6.jpg"} <= names
    assert not names & {"zero_byte.jpg", "html_named.png", "text_named.jpg", "bomb_dims.png"}
    assert job["result"]["rejected"] >= 4
    check_rejects(untouched, job)
    check_pages(untouched, project)


@pytest.mark.parametrize("name", listed("label_configs"))
def test_a_hostile_config_is_refused(shared_world: World, hostile: Path, name: str) -> None:
    content = (hostile / name).read_bytes().decode("utf-8", errors="replace")
    begin = time.monotonic()
    asked = {"title": "x", "label_config": content}
    answer = shared_world.post("requester", "/api/projects/", asked)
    assert time.monotonic() - begin < 5
    assert answer.status_code in (201, 400, 413), answer.text
    if "gbk" not in name:
        assert answer.status_code == 400
    page = shared_world.get("requester", "/projects")
    assert "root:x" not in answer.text + page.text


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "{{1111*1111}}${1111*1111}#{1111*1111}",
        "javascript:alert(1)",
        "'-alert(1)-'",
        "</textarea><svg onload=alert(1)>",
        "\u202egnp.exe",
        "=cmd|' /C calc'!A0",
    ],
)
def test_words_come_back_intact_and_are_escaped_on_pages(world: World, text: str) -> None:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    # As a label that one is refused.
    config = TEXTS if text.startswith("javascript:") else TEXTS.replace("产品", escaped)
    made = world.good(
        world.post(
            "requester",
            "/api/projects/",
            {
                "title": text,
                "description": text,
                "expert_instruction": text,
                "label_config": config,
            },
        ),
        201,
    )
    project = made["id"]
    assert (made["title"], made["description"]) == (text, text)
    world.import_list(project, [{"text": text, "meta": {"name": text}}])
    (task,) = world.tasks(project)
    assert task["data"]["text"] == text
    world.good(
        world.post("annotator", f"/api/tasks/{task['id']}/annotations/", {"result": []}), 201
    )
    note = {"verdict": "reject", "reason": text}
    number = world.tasks(project)[0]["annotations"][0]["id"]
    world.good(world.post("reviewer", f"/api/annotations/{number}/reviews", note), 201)
    world.post("admin", "/api/users/", {"username": "evil", "role": "annotator", "name": text})
    for who, path in (
        ("requester", "/projects"),
        ("requester", f"/projects/{project}"),
        ("requester", f"/projects/{project}/tasks"),
        ("annotator", f"/projects/{project}/label"),
        ("reviewer", f"/projects/{project}/review"),
        ("requester", f"/tasks/{task['id']}"),
        ("admin", "/audit"),
        ("admin", "/people"),
        (None, f"/datasets?q={text}"),
        (None, f"/sign-in?next={text}"),
    ):
        page = world.get(who, path)
        assert page.status_code == 200, (path, page.text[:300])
        if "<" in text:
            assert text not in page.text, path
        assert "1234321" not in page.text, "a template was run"
        assert 'href="javascript:' not in page.text


@pytest.fixture(scope="module")
def everything(shared_world: World) -> tuple[World, dict[str, str], list[tuple[str, str]]]:
    """Give a filled world and all routes that take values."""
    values = {**fill(shared_world), "dataset_id": "1"}
    routes = [
        (method, rule.rule)
        for method, rule in rules(shared_world.app)
        if rule.rule not in ("/static/<path:name>", "/scripts/<path:name>")
    ]
    return shared_world, values, sorted(routes)


FIELDS = (
    "title",
    "label_config",
    "description",
    "expert_instruction",
    "maximum_annotations",
    "organization",
    "vendor",
    "result",
    "lead_time",
    "was_cancelled",
    "parent_prediction",
    "unique_id",
    "verdict",
    "reason",
    "model",
    "tag",
    "seed",
    "fractions",
    "train",
    "format",
    "name",
    "licence",
    "keywords",
    "task_categories",
    "notes",
    "username",
    "password",
    "role",
    "days",
    "language",
    "next",
    "old",
    "new",
    "paths",
    "expand",
)
ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    2**31,
    2**63,
    10**40,
    1.5,
    1e308,
    "",
    " ",
    "\0",
    "😀",
    "\ud800",
    "a" * 1000,
    "../../etc/passwd",
    "<script>",
    "%s%(x)s{0}",
    [],
    [[]],
    [None],
    [{"id": "x"}],
    {},
    {"a": {"b": []}},
]
values = st.sampled_from(ODD) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "type", "value", "from_name", "x"]), inner)
    ),
    max_leaves=6,
)


@hypothesis_settings(
    max_examples=700,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_no_route_falls_over(
    everything: tuple[World, dict[str, str], list[tuple[str, str]]], data: st.DataObject
) -> None:
    world, known, routes = everything
    method, route = data.draw(st.sampled_from(routes))
    who = data.draw(st.sampled_from(["admin", "requester", "annotator", "reviewer", None]))
    path = address(route, known).partition("?")[0]
    given: dict[str, Any] = {}
    if method != "GET":
        sent = data.draw(st.dictionaries(st.sampled_from(FIELDS), values, max_size=5) | values)
        given = {"data": json.dumps(sent).encode(), "content_type": "application/json"}
    else:
        names = ["page_size", "after", "before", "state", "q", "revision", "language", "next"]
        names += ["limit", "cursor", "expires", "signature", "recursive", "full", "sort", "author"]
        given["query_string"] = data.draw(
            st.dictionaries(
                st.sampled_from(names),
                st.text(max_size=12) | st.sampled_from(["-1", "0", "9" * 30, "x", "\0", "é"]),
                max_size=3,
            )
        )
    if method == "DELETE" and route.startswith("/api/projects"):
        return
    answer = world.ask(method, path, who, **given)
    assert answer.status_code < 500 or route.endswith("/health"), (method, path, given, answer.text)
    if route == "/api/current-user/reset-token/" and answer.status_code == 201:
        # Who has made their old token worthless goes on with the new one.
        world.tokens = {**world.tokens, str(who): answer.json["token"]}


@pytest.mark.parametrize(
    "part",
    ["0", "-1", "99999999", "9" * 18, "9" * 40, "1e3", "0x1", "١", "%00", "%2e%2e", "a'--", "é"],
)
def test_an_odd_number_in_an_address_is_not_found(
    everything: tuple[World, dict[str, str], list[tuple[str, str]]], part: str
) -> None:
    world, known, routes = everything
    for method, route in routes:
        if "<int:" not in route:
            continue
        path = address(route, {name: part for name in known})
        answer = world.ask(method, path, "admin", **body(method))
        # How one signs in is changed in the browser only.
        is_theirs = path.startswith("/account/") or "second-factor" in path
        refused = (403,) if is_theirs else ()
        assert answer.status_code in (204, 400, 404, 405, *refused), (method, path, answer.text)
        assert answer.status_code != 204 or "drafts" in path


def test_long_words_in_every_field_are_refused_or_cut(
    everything: tuple[World, dict[str, str], list[tuple[str, str]]],
) -> None:
    world, known, routes = everything
    long = "x" * 1_000_000
    for method, route in routes:
        if method not in ("POST", "PATCH") or not route.startswith("/api/p"):
            continue
        for name in ("title", "description", "tag", "model", "expert_instruction"):
            answer = world.ask(method, address(route, known), "admin", json={name: long})
            assert answer.status_code < 500
            assert len(answer.data) < 100_000


def test_noise_is_no_upload(untouched: World) -> None:
    chosen = random.Random(5)
    project = untouched.project(config=BOXES)
    good = zipped({"a.png": picture(), "b.png": picture(2)})
    for number in range(25):
        broken = bytearray(good)
        for _ in range(chosen.randint(1, 12)):
            broken[chosen.randrange(len(broken))] = chosen.randrange(256)
        name = chosen.choice(["a.zip", "a.png", "a.json", "a.jsonl", "a.wav", "..", "a\nb.zip"])
        content = bytes(broken[: chosen.randrange(len(broken))]) if number % 3 else bytes(broken)
        for job in untouched.upload(project, (name, content)):
            assert job["state"] in ("done", "failed")
            assert "internal" not in (job["error"] or ""), (number, job)


def test_remote_addresses_are_never_fetched(untouched: World, hostile: Path) -> None:
    project = untouched.project(config=BOXES)
    content = (hostile / "label_studio" / "tasks_ssrf_and_paths.json").read_bytes()
    (job,) = untouched.upload(project, ("tasks.json", content))
    assert job["state"] in ("done", "failed")
    for task in untouched.tasks(project):
        value = task["data"]["image"]
        assert not value.startswith(("file:", "/etc", "gopher:", "javascript:", "data:text"))
