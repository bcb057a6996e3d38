"""Read a catalogue with ckanapi; run by test_ckan.py in an environment of its own.

Each scenario prints one line of JSON: what it told, or the error that it met.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
from ckanapi import RemoteCKAN
from ckanapi.version import __version__

FACTS = json.loads(sys.argv[1])
URL, TOKEN, NAME = FACTS["url"], FACTS["token"], FACTS["name"]
COMMAND = [str(Path(sys.executable).with_name("ckanapi"))]
post, get = RemoteCKAN(URL), RemoteCKAN(URL, get_only=True)
keyed = RemoteCKAN(URL, apikey=TOKEN)


def command(*words: str) -> list[Any]:
    """Run ckanapi's own command; return the JSON of each line."""
    ran = subprocess.run([*COMMAND, *words, "-r", URL], capture_output=True, check=True)
    return [json.loads(line) for line in ran.stdout.splitlines() if line.strip()]


def versions() -> Any:
    """Say which client this is."""
    return __version__


def names() -> Any:
    """List all names in both ways."""
    return [post.action.package_list(), get.action.package_list(limit=1, offset=1)]


def shown() -> Any:
    """Show one by name and by id, and fetch a file of it; its digest must be the one told."""
    told = post.action.package_show(id=NAME)
    again = get.action.package_show(id=told["id"])
    file = next(each for each in told["resources"] if each["name"].endswith("README.md"))
    content = requests.get(file["url"], timeout=30).content
    alone = post.action.resource_show(id=file["id"])
    return {
        "same": told == again,
        "keys": sorted(told),
        "resource": sorted(file),
        "digest": hashlib.sha256(content).hexdigest() == file["hash"],
        "size": len(content) == file["size"],
        "alone": alone == file,
        "first": told["resources"][0]["format"],
        "formats": sorted({each["format"] for each in told["resources"]}),
        "ids": len({each["id"] for each in told["resources"]}) == told["num_resources"],
        "version": told["version"],
        "tags": [each["name"] for each in told["tags"]],
        "previous": [e["value"] for e in told["extras"] if e["key"] == "previous_version"],
    }


def searched() -> Any:
    """Search as harvesters do."""
    asked = {
        "all": {},
        "words": {"q": "焊缝"},
        "none": {"q": "nothing-like-this"},
        "owner": {"fq": "organization:tianjin OR organization:nobody"},
        "not owner": {"fq": "-organization:tianjin"},
        "two": {"fq_list": ["organization:tianjin", "tags:weld"]},
        "group": {"fq": "groups:industry"},
        "since": {"fq": "metadata_modified:[2026-01-01T00:00:00Z TO *]"},
        "before": {"fq": "metadata_modified:[* TO 2026-01-01T00:00:00Z]"},
        "udata": {"q": "organization:tianjin AND tags:weld", "rows": 1000},
    }
    return {what: post.action.package_search(**each)["count"] for what, each in asked.items()}


def harvested() -> Any:
    """Page as ckanext-harvest does: until a page is empty."""
    found: list[str] = []
    while True:
        page = get.action.package_search(rows=1, start=len(found), sort="id asc")["results"]
        if not page:
            break
        found += [each["id"] for each in page]
    return [len(found), found == sorted(set(found))]


def private() -> Any:
    """Look for the closed dataset as a stranger and as one of its organisation's people."""
    asked = {"fq": "private:true", "include_private": True}
    found = keyed.action.package_search(**asked)["results"]
    return {
        "stranger": post.action.package_search(**asked)["count"],
        "without asking": keyed.action.package_search(fq="private:true")["count"],
        "own": [each["name"] for each in found],
        "shown": [keyed.action.package_show(id=each["name"])["private"] for each in found],
        "hidden": error_of(lambda: post.action.package_show(id=found[0]["name"])),
    }


def conditional() -> Any:
    """Show a dataset under conditions: a stranger is led to its page, its owner to the files."""
    led = post.action.package_show(id=FACTS["gated"])
    own = keyed.action.package_show(id=FACTS["gated"])
    return {
        "open": led["isopen"],
        "stranger": len({each["url"] for each in led["resources"]}),
        "page": led["resources"][0]["url"] == led["url"],
        "own": len({each["url"] for each in own["resources"]}) == own["num_resources"],
    }


def others() -> Any:
    """Ask for everything else that clients list."""
    action = post.action
    owner = action.organization_show(id="tianjin", include_datasets=True)
    return {
        "organizations": get.action.organization_list(),
        "owner": [owner["title"], owner["package_count"], len(owner["packages"])],
        "same owner": action.organization_show(id=owner["id"])["name"],
        "groups": action.group_list(),
        "group": action.group_show(id="industry")["title"],
        "tags": action.tag_list(),
        "licences": "CC-BY-4.0" in [each["id"] for each in action.license_list()],
        "site": [action.site_read(), action.status_show()["site_title"]],
        "help": bool(action.help_show(name="package_show")),
        "current": len(action.current_package_list_with_resources(limit=2)),
        "facets": action.package_search(rows=0, **{"facet.field": ["organization", "tags"]})[
            "facets"
        ]["organization"],
    }


def error_of(call: Callable[[], Any]) -> str:
    """Return the name of the error that a call raises."""
    try:
        call()
    except Exception as problem:
        return type(problem).__name__
    return "none"


def failures() -> Any:
    """Meet each error as the class that ckanapi has for it."""
    return {
        "not found": error_of(lambda: post.action.package_show(id="nothing")),
        "missing": error_of(lambda: post.action.package_show()),
        "query": error_of(lambda: get.action.package_search(fq="title:(unclosed")),
        "field": error_of(lambda: post.action.package_search(fq="vocab:x")),
        "sort": error_of(lambda: post.action.package_search(sort="price asc")),
        "rows": error_of(lambda: post.action.package_search(rows="many")),
        "write": error_of(lambda: keyed.action.package_create(name="x")),
        "bad key": error_of(lambda: RemoteCKAN(URL, apikey="wrong").action.package_show(id=NAME)),
        "unknown": error_of(lambda: post.action.no_such_action()),
        "upload": error_of(
            lambda: keyed.action.resource_create(package_id=NAME, upload=open(__file__, "rb"))
        ),
    }


def command_line() -> Any:
    """List, show, search and dump with the command."""
    folder = Path("dumped")
    lines = folder.with_suffix(".jsonl")
    everything = ["dump", "datasets", "--all"]
    subprocess.run([*COMMAND, *everything, "-O", str(lines), "-r", URL], check=True)
    packages = ["-D", str(folder), "-r", URL]
    subprocess.run([*COMMAND, "dump", "datasets", FACTS["name"], *packages], check=True)
    described = json.loads((folder / NAME / "datapackage.json").read_text(encoding="utf-8"))
    return {
        "action": command("action", "package_show", f"id={NAME}", "-j")[0]["name"],
        "search": sorted(
            each["name"] for each in command("search", "datasets", "fq=organization:tianjin")
        ),
        "dump": sorted(json.loads(line)["name"] for line in lines.open(encoding="utf-8")),
        "organizations": [each["name"] for each in command("dump", "organizations", "--all")],
        "groups": [each["name"] for each in command("dump", "groups", "--all")],
        "datapackage": described["name"],
        "files": len(list((folder / NAME / "data").iterdir())) == len(described["resources"]),
    }


SCENARIOS = (
    versions,
    names,
    shown,
    searched,
    harvested,
    private,
    conditional,
    others,
    failures,
    command_line,
)
for scenario in SCENARIOS:
    told: dict[str, Any] = {"scenario": scenario.__name__}
    try:
        told["value"] = scenario()
    except Exception:
        told["error"] = traceback.format_exc()[-1500:]
    print(json.dumps(told, ensure_ascii=False), flush=True)
