"""Let what schemathesis makes up often be about things that are there.

Run by schemathesis (SCHEMATHESIS_HOOKS); the file that FUZZ_THINGS names holds what is there:
`{"kept": [{name: value}, …], "doomed": […], "emptied": […], "condemned": […]}`. What deletes
is sent at the doomed things, what deletes all tasks at the emptied ones and what deletes a
project at the condemned ones: it works, and yet leaves something for the others.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from zlib import crc32

import schemathesis

THINGS: dict[str, list[dict[str, Any]]] = json.loads(
    Path(os.environ["FUZZ_THINGS"]).read_text(encoding="utf-8")
)
# Names of queries and of members of bodies → the name of the same thing in a path.
SAME = {
    "project": "project_id",
    "library": "library_id",
    "projects": "project_id",
    "annotation__task__project": "project_id",
    "task": "task_id",
    "annotation": "annotation_id",
    "parent_annotation": "annotation_id",
    "prediction": "prediction_id",
    "parent_prediction": "prediction_id",
    "view": "view_id",
    "label": "label_id",
    "label__projects": "project_id",
    "tabID": "view_id",
    "q": "name",
    "organization": "organisation",
}
LISTS = {
    "tasks": "task_id",
    "users": "user_id",
    "ids": "annotation_id",
    "file_upload_ids": "upload_id",
    "included": "task_id",
    "excluded": "task_id",
}
# Words that a field knows, where a made-up one would always be refused.
WORDS: dict[str, list[str]] = {
    "export_type": ["JSON", "JSON_MIN", "CSV", "TSV", "CONLL2003", "COCO", "YOLO", "VOC"],
    "exportType": ["JSON", "JSON_MIN", "CSV", "TSV", "CONLL2003", "COCO", "YOLO", "VOC"],
    "format": ["jsonl", "conll", "label_studio", "coco", "croissant"],
    "model": ["golden_difference"],
    "verdict": ["accept", "reject", "fix"],
    "role": ["annotator", "reviewer", "requester"],
    "type": ["AN", "RE"],
    "sampling": ["Sequential sampling", "Uniform sampling"],
    "fields": ["task_only", "all"],
    "ordering": ["id", "-created_at", "title"],
    "include": ["id", "title,task_number"],
    "filter": ["all", "pinned_only"],
    "model_version": ["m"],
    "licence": ["CC-BY-4.0"],
}
ACTIONS = [
    "next_task",
    "retrieve_tasks_predictions",
    "predictions_to_annotations",
    "remove_duplicates",
    "delete_tasks",
    "delete_tasks_annotations",
    "delete_tasks_predictions",
]
# What operations that destroy are sent at, by the beginning of their ids; else a DELETE is
# sent at the doomed things.
FATES = {
    "projects_api_delete": "condemned",
    "tasks_api_delete_all": "emptied",
    "actions_perform": "emptied",
    "annotations_delete_many": "emptied",
    "projects_api_change": "emptied",
    "views_reset": "emptied",
}
# Bodies that are taken, sent now and then where a made-up one hardly ever is; `$name` stands
# for what is there.
GOOD: dict[str, Any] = {
    "/api/annotation-reviews/": {"annotation": "$awaiting", "accepted": True},
    "/api/comments/": {"annotation": "$annotation_id", "text": "看这里"},
    "/api/labels/": [{"project": "$project_id", "from_name": "label", "title": "N", "value": "N"}],
    "/api/labels/bulk": {"project": "$project_id", "old_label": ["ORG"], "new_label": ["LOC"]},
    "/api/projects/{project_id}/models/": {"kind": "sequence_tagger"},
    "/api/storages/{kind}/": {"project": "$project_id", "path": "$path", "title": "x"},
    "/api/storages/{kind}/validate": {"project": "$project_id", "path": "$path"},
    "/api/storages/export/{kind}": {"project": "$project_id", "path": "$path", "title": "x"},
    "/api/storages/export/{kind}/validate": {"project": "$project_id", "path": "$path"},
    "/api/tasks/{task_id}/flags": {"kind": "bad_data"},
    "/api/projects/{project_id}/flags/{flag_id}": {"outcome": "answered", "answer": "好"},
    "/api/projects/{project_id}/config-changes": {"steps": "$steps"},
    "/api/projects/{project_id}/config-changes/dry-run": {"steps": "$tried"},
    "/api/projects/{project_id}/guideline/": {"text": "# 新规范", "note": "新版", "after": 1},
    "/api/projects/{project_id}/exam/": {"questions": 1, "minutes": 10},
    "/api/projects/{project_id}/curation/{task_id}": {"result": "$result", "reason": "两人不同"},
    "/api/projects/{project_id}/guideline/acknowledge": {"version": 1},
    "/api/annotations/{annotation_id}/reviews": {"verdict": "accept"},
    "/api/annotations/{annotation_id}/reopen": {"reason": "再看"},
    "/api/annotations/{annotation_id}/roll-back": {"revision": 1, "reason": "原来的对"},
    "/api/catalogue/{organisation}/{name}/discussions/": {"title": "一问", "text": "为何"},
    "/api/catalogue/{organisation}/{name}/pushes": {"target": "$target"},
    "/api/push-targets/": {
        "name": "elsewhere",
        "kind": "ckan",
        "url": "https://ckan.example",
        "owner": "city",
        "token": "t",
    },
    "/api/feeds/": {
        "project": "$project_id",
        "kind": "addresses",
        "addresses": ["https://feed.example/b.txt"],
    },
    "/api/feeds/check": {
        "project": "$project_id",
        "kind": "addresses",
        "addresses": ["https://feed.example/b.txt"],
    },
    "/api/libraries/{library_id}/cleanings/": {"recipe": "$recipe_id"},
    "/api/recipes/": {"name": "去标记", "steps": [{"operator": "text.strip_html"}]},
    "/api/recipes/files/": {
        "jinbiao": "recipe",
        "name": "带来的",
        "steps": [{"operator": "text.strip_html"}],
    },
    "/api/recipes/preview/": {
        "library": "$library_id",
        "steps": [{"operator": "text.strip_html"}],
    },
    "/api/recipes/{recipe_id}/versions/": {"steps": [{"operator": "text.filter_length"}]},
    "/api/transfers/batches/{batch}": {},
    "/api/datasets-applications/{application_id}/decide": {
        "decision": "approve",
        "reason": "用途清楚",
    },
    "/api/token/refresh/": {"refresh": "$refresh"},
    "/api/token/rotate/": {"refresh": "$rotated"},
    "/api/token/blacklist/": {"refresh": "$blacklisted"},
}
# What an address is about where it takes another thing than its name says.
ABOUT: dict[str, dict[str, str]] = {
    "/api/annotations/{annotation_id}/reviews": {"annotation_id": "judged"},
    "/api/annotations/{annotation_id}/reopen": {"annotation_id": "accepted"},
    "/api/annotations/{annotation_id}/roll-back": {"annotation_id": "changed"},
    "/api/dashboards/{name}": {"name": "dashboard"},
    "/api/projects/{project_id}/curation/{task_id}": {"task_id": "contested"},
    "/api/tasks/{task_id}/workbench": {"task_id": "contested"},
}
RESET = "/api/current-user/reset-token/"
# Of who asks; a list, since it is another one once it was reset.
TOKENS = [os.environ["FUZZ_TOKEN"]]


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    """Ask as the administrator, and of six requests let five speak of what is there."""
    case.headers = {**(case.headers or {}), "Authorization": f"Token {TOKENS[-1]}"}
    chance = _chance(case.operation.label, case.path_parameters, case.query, case.body)
    if chance % 6 == 0:
        return
    found = THINGS[_fate(case.operation)]
    things = found[chance // 6 % len(found)]
    if case.operation.path.startswith("/api/transfers/") and chance % 6 < 4:
        _tus(case, things)
    if isinstance(case.path_parameters, dict):
        about = ABOUT.get(case.operation.path, {})
        there = things | {name: things[other] for name, other in about.items()}
        case.path_parameters = _path(case.path_parameters, there)
    if isinstance(case.query, dict):
        case.query = {name: _known(name, value, things) for name, value in case.query.items()}
        if (case.operation.method, case.operation.path) == ("post", "/api/dm/actions/"):
            act = ACTIONS[chance % len(ACTIONS)]
            case.query |= {"id": act, "project": things["project_id"]}
        if "agreement" in str(case.operation.definition.raw["operationId"]):
            case.query["ids"] = str(things["user_id"])
    if case.method == "POST" and case.operation.path in GOOD and chance % 6 < 3:
        case.body = _filled(GOOD[case.operation.path], things)
    elif isinstance(case.body, list):
        case.body = [_members(each, things) for each in case.body]
    else:
        case.body = _members(case.body, things)


def _tus(case: Any, things: dict[str, Any]) -> None:
    """Speak the protocol of uploads: nothing of it stands in a body."""
    case.headers |= {"Tus-Resumable": "1.0.0"}
    if case.operation.path == "/api/transfers/" and case.method == "POST":
        case.headers |= {"Upload-Length": "9", "Upload-Metadata": "name YS50eHQ="}
        case.query = {"library": things["library_id"]}
    elif case.method == "PATCH" or case.operation.path.endswith("{transfer_key}"):
        piece = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
        case.headers |= {**piece, "X-HTTP-Method-Override": "PATCH"}


@schemathesis.hook
def after_call(_context: Any, case: Any, response: Any) -> None:
    """Remember the new token of who asks."""
    if case.operation.path == RESET and response.status_code == 201:
        TOKENS.append(response.json()["token"])


def _fate(operation: Any) -> str:
    """Say which of the things that are there an operation is sent at."""
    named = str(operation.definition.raw.get("operationId", ""))
    for beginning, fate in FATES.items():
        if named.startswith(beginning):
            return fate
    return "doomed" if operation.method.upper() == "DELETE" else "kept"


def _chance(*parts: Any) -> int:
    """Return a number that is the same whenever the same was made up."""
    return crc32(repr(parts).encode("utf-8", "surrogatepass"))


def _path(made_up: dict[str, Any], things: dict[str, Any]) -> dict[str, Any]:
    return {name: things.get(name, value) for name, value in made_up.items()}


def _known(name: str, value: Any, things: dict[str, Any]) -> Any:
    """Return what is there under a name, or what was made up."""
    if name in SAME:
        return things[SAME[name]]
    if name in LISTS and isinstance(value, list):
        return [things[LISTS[name]], *value[1:]]
    if name in WORDS and isinstance(value, str):
        return WORDS[name][_chance(value) % len(WORDS[name])]
    return value


def _filled(body: Any, things: dict[str, Any]) -> Any:
    """Return a body with what is there in the place of its names."""
    if isinstance(body, dict):
        return {name: _filled(each, things) for name, each in body.items()}
    if isinstance(body, list):
        return [_filled(each, things) for each in body]
    return things[body[1:]] if isinstance(body, str) and body[:1] == "$" else body


def _members(body: Any, things: dict[str, Any]) -> Any:
    """Return a body that speaks of what is there, where it is an object."""
    if not isinstance(body, dict):
        return body
    found = {name: _known(str(name), value, things) for name, value in body.items()}
    often = _chance(body) % 2 == 0
    if isinstance(found.get("result"), list) and often:
        found["result"] = things["result"]
    if isinstance(found.get("label_config"), str) and often:
        found["label_config"] = things["label_config"]
    if isinstance(found.get("data"), dict) and often:
        found["data"] = {"text": "天津大学", **found["data"]}
    if isinstance(found.get("name"), str) and often:
        found["name"] = things["name"]
    if isinstance(found.get("path"), str) and often:
        found["path"] = things["path"]
    if isinstance(found.get("url"), str) and often:
        found["url"] = things["url"]
    if isinstance(found.get("username"), str) and often:
        found |= {"username": f"person-{_chance(body)}", "password": None, "email": None}
    return found
