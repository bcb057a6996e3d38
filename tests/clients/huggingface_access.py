"""Ask for data under conditions with the Hugging Face libraries, decide on it, and lose it again.

This runs in the environment of the client, like huggingface_scenarios.py; the order matters.
"""

from __future__ import annotations

import hashlib
import http.server
import json
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_scenarios import FACTS, api, error_of, run

import datasets  # noqa: TID251 - here it is the client

GATED, CLOSED, LARGE = FACTS["gated"], FACTS["closed"], FACTS["large"]
OWNER, BUILDER, USER = FACTS["token"], FACTS["builder"], FACTS["builder_name"]
PARQUET = "data/test-00000-of-00001.parquet"
KIND = {"repo_type": "dataset"}
owner = HfApi(token=OWNER)


def status_of(call: Any, *args: Any, **kwargs: Any) -> list[Any]:
    """Name the exception that a call raises, and the status that was answered."""
    try:
        call(*args, **kwargs)
    except Exception as error:  # what is asked here is which one it is
        answered = getattr(error, "response", None)
        return [type(error).__name__, getattr(answered, "status_code", None)]
    return []


def download(token: Any) -> Any:
    """Download a file that nobody has in their cache."""
    with tempfile.TemporaryDirectory() as cache:
        path = hf_hub_download(GATED, PARQUET, token=token, cache_dir=cache, **KIND)
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def ask_access() -> int:
    """Apply as a program does that knows the Hub's address for it."""
    asked = urllib.request.Request(f"{api.endpoint}/datasets/{GATED}/ask-access", method="POST")
    asked.data = json.dumps(FACTS["application"]).encode()
    asked.add_header("Authorization", f"Bearer {BUILDER}")
    asked.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def requests_of(status: str) -> list[Any]:
    """List this person's access requests."""
    listed = getattr(owner, f"list_{status}_access_requests")(GATED, **KIND)
    return [
        [each.username, each.fullname, each.email, each.status, (each.fields or {}).get("purpose")]
        for each in listed
        if each.username == USER
    ]


def gated_is_described() -> Any:
    info = api.dataset_info(GATED)
    files = list(api.list_repo_tree(GATED, recursive=True, **KIND))
    return [info.gated, info.private, len(files), len(info.siblings) > 0]


def gated_is_not_given() -> Any:
    return {
        "stranger": status_of(download, False),
        "builder": status_of(download, BUILDER),
        "check": status_of(api.auth_check, GATED, token=BUILDER, **KIND),
        "own check": status_of(owner.auth_check, GATED, **KIND),
        "load": error_of(datasets.load_dataset, GATED, token=BUILDER),
        "snapshot": error_of(snapshot_download, GATED, token=BUILDER, **KIND),
    }


def asking() -> Any:
    return [ask_access(), ask_access(), requests_of("pending"), requests_of("accepted")]


def rejecting() -> Any:
    without = status_of(owner.reject_access_request, GATED, USER, rejection_reason=None, **KIND)
    owner.reject_access_request(GATED, USER, rejection_reason="目的不清", **KIND)
    return [
        without,
        len(requests_of("pending")),
        len(requests_of("rejected")),
        error_of(download, BUILDER),
    ]


def accepting() -> Any:
    again = ask_access()
    stranger = status_of(HfApi(token=BUILDER).accept_access_request, GATED, USER, **KIND)
    owner.accept_access_request(GATED, USER, **KIND)
    return [again, stranger, len(requests_of("accepted")), len(requests_of("rejected"))]


def accepted_loads() -> Any:
    api.auth_check(GATED, token=BUILDER, **KIND)
    loaded = datasets.load_dataset(GATED, token=BUILDER)
    rows = list(datasets.load_dataset(GATED, split="test", streaming=True, token=BUILDER))
    sizes = {split: len(rows) for split, rows in loaded.items()}
    return [download(BUILDER), sizes, len(rows), error_of(download, False)]


def revoking() -> Any:
    owner.reject_access_request(GATED, USER, rejection_reason="违约", **KIND)
    cancelled = status_of(owner.cancel_access_request, GATED, USER, **KIND)
    return [error_of(download, BUILDER), cancelled]


def granting() -> Any:
    owner.grant_access(GATED, USER, **KIND)
    twice = status_of(owner.grant_access, GATED, USER, **KIND)
    nobody = status_of(owner.grant_access, GATED, "nobody", **KIND)
    return [download(BUILDER), twice, nobody]


def settings() -> Any:
    foreign = status_of(HfApi(token=BUILDER).update_repo_settings, GATED, gated=False, **KIND)
    automatic = status_of(owner.update_repo_settings, GATED, gated="auto", **KIND)
    owner.update_repo_settings(GATED, gated=False, **KIND)
    opened = [api.dataset_info(GATED).gated, download(False)]
    owner.update_repo_settings(GATED, gated="manual", **KIND)
    time.sleep(2.0)  # what is open is kept for a moment by what stands before the server
    return [foreign, automatic, opened, api.dataset_info(GATED).gated, error_of(download, False)]


def closed() -> Any:
    info = owner.dataset_info(CLOSED)
    listed = [d.id for d in api.list_datasets(author=CLOSED.split("/")[0])]
    own = [d.id for d in owner.list_datasets(author=CLOSED.split("/")[0])]
    return {
        "stranger": status_of(api.dataset_info, CLOSED, token=False),
        "builder": status_of(api.dataset_info, CLOSED, token=BUILDER),
        "file": status_of(hf_hub_download, CLOSED, PARQUET, token=BUILDER, **KIND),
        "own": [info.private, info.gated],
        "listed": [CLOSED in listed, CLOSED in own],
        "loaded": len(datasets.load_dataset(CLOSED, split="test", token=OWNER)),
        "write": [
            status_of(owner.auth_check, CLOSED, write=True, **KIND),
            status_of(api.auth_check, GATED, write=True, token=BUILDER, **KIND),
        ]
        if "write" in api.auth_check.__kwdefaults__
        else None,
    }


def bad_tokens() -> Any:
    return {
        name: [
            status_of(api.whoami, token=FACTS[name]),
            status_of(api.dataset_info, LARGE, token=FACTS[name]),
            status_of(hf_hub_download, LARGE, "large.bin", token=FACTS[name], **KIND),
        ]
        for name in ("expired", "revoked")
    }


def who() -> Any:
    found, other = owner.whoami(), api.whoami(token=BUILDER)
    return [
        [each["name"], each["orgs"][0]["name"], each["orgs"][0]["roleInOrg"]]
        + [each["auth"]["accessToken"]["role"]]
        for each in (found, other)
    ]


def leaderboard() -> Any:
    if not hasattr(api, "get_dataset_leaderboard"):
        return None
    return status_of(api.get_dataset_leaderboard, LARGE)


def cache_verify() -> Any:
    hf = str(Path(sys.executable).parent / "hf")
    told = subprocess.run([hf, "cache", "--help"], capture_output=True, encoding="utf-8").stdout
    if "verify" not in told:
        return None
    snapshot_download(FACTS["name"], **KIND)
    command = [hf, "cache", "verify", FACTS["name"], "--repo-type", "dataset"]
    ran = subprocess.run(command, capture_output=True, encoding="utf-8")
    return ran.returncode if ran.returncode == 0 else ran.stdout + ran.stderr


class Breaking(http.server.BaseHTTPRequestHandler):
    """Pass requests on, and break the first download off after two thirds."""

    protocol_version = "HTTP/1.1"
    ranges: list[str] = []
    broken = False

    def do_HEAD(self) -> None:
        self.pass_on()

    def do_GET(self) -> None:
        self.pass_on()

    def log_message(self, *args: Any) -> None:
        pass

    def pass_on(self) -> None:
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
        asked = urllib.request.Request(
            FACTS["server"] + self.path, headers=headers, method=self.command
        )
        try:
            answer = urllib.request.urlopen(asked, timeout=60)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            data = answer.read()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                if name.lower() not in ("connection", "server", "date", "transfer-encoding"):
                    self.send_header(name, value)
            self.send_header("Connection", "close")
            self.end_headers()
        self.close_connection = True
        if self.command == "GET" and "/resolve/" in self.path:
            Breaking.ranges.append(self.headers.get("Range", ""))
            if not Breaking.broken:
                Breaking.broken = True
                data = data[: len(data) * 2 // 3]
        if self.command == "GET":
            self.wfile.write(data)


def resumed() -> Any:
    proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Breaking)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{proxy.server_address[1]}"
    path = ""
    for _attempt in range(2):
        try:
            path = hf_hub_download(LARGE, "large.bin", endpoint=address, token=False, **KIND)
            break
        except Exception:  # the newest client gives up and goes on where it was when asked again
            continue
    proxy.shutdown()
    resumed_at = [text for text in Breaking.ranges if text and not text.startswith("bytes=0-")]
    return [hashlib.sha256(Path(path).read_bytes()).hexdigest(), len(resumed_at) > 0]


SCENARIOS = (
    gated_is_described,
    gated_is_not_given,
    asking,
    rejecting,
    accepting,
    accepted_loads,
    revoking,
    granting,
    settings,
    closed,
    bad_tokens,
    who,
    leaderboard,
    cache_verify,
    resumed,
)

if __name__ == "__main__":
    run(SCENARIOS)
