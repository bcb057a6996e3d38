"""A team's installation: PostgreSQL, a shared Redis and S3, server and worker as processes."""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from jinbiao.tests.server.command import PROGRAM, Command
from jinbiao.tests.services import S3Account, free_ports


@pytest.fixture
def team(tmp_path: Path, postgres_database: str, redis_url: str, s3: S3Account) -> Command:
    """Return the command with the settings of a team."""
    (port,) = free_ports(1)
    return Command(
        tmp_path / "host",
        {
            "JINBIAO_LANGUAGE": "en",
            "JINBIAO_PORT": str(port),
            "JINBIAO_DATABASE_URL": postgres_database,
            "JINBIAO_REDIS_URL": redis_url,
            "JINBIAO_S3_ENDPOINT": s3.endpoint,
            "JINBIAO_S3_ACCESS_KEY": s3.access_key,
            "JINBIAO_S3_SECRET_KEY": s3.secret_key,
            "JINBIAO_S3_BUCKET": s3.bucket,
            "JINBIAO_SECRET_KEY": "a secret that every host of the team shares",
        },
    )


@pytest.fixture
def processes(team: Command) -> Iterator[str]:
    """Run `jinbiao serve` and `jinbiao work`, and give the server's address."""
    assert team.run("migrate").code == 0
    with ExitStack() as stack:
        for name in ("serve", "work"):
            process = subprocess.Popen([*PROGRAM, name], env=team.environment, cwd=team.home.parent)
            stack.callback(process.wait, 30)
            stack.callback(process.terminate)
        address = f"http://127.0.0.1:{team.settings['JINBIAO_PORT']}"
        for _attempt in range(300):
            try:
                with urllib.request.urlopen(f"{address}/health", timeout=2):
                    break
            except OSError:
                time.sleep(0.1)
        yield address


def read(address: str, token: str = "", body: object = None) -> bytes:
    """Call the server, with a token where one is given."""
    request = urllib.request.Request(
        address,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"}
        | ({"Authorization": f"Token {token}"} if token else {}),
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        content: bytes = answer.read()
    return content


def test_the_chain_on_a_teams_services_and_its_backup_on_one_machine(
    team: Command, processes: str, tmp_path: Path
) -> None:
    done = team.run("demo", "--pairs", "20")
    assert done.code == 0, done.err
    assert "published: demo/pcb-defects v1.0.0" in done.out

    # The published files come from S3, whole and with their digests.
    hub = f"{processes}/api/datasets/demo/pcb-defects"
    info = json.loads(read(f"{hub}?blobs=true"))
    parquet = next(f for f in info["siblings"] if f["rfilename"].endswith(".parquet"))
    address = f"{processes}/datasets/demo/pcb-defects/resolve/main/{parquet['rfilename']}"
    assert hashlib.sha256(read(address)).hexdigest() == parquet["lfs"]["sha256"]

    # A job that the API asks for is done by the worker process.
    token = team.run("token", "admin").last
    job = json.loads(read(f"{processes}/api/projects/1/versions/", token, {"seed": 3}))
    for _attempt in range(200):
        job = json.loads(read(f"{processes}/api/jobs/{job['id']}/", token))
        if job["ended_at"]:
            break
        time.sleep(0.1)
    assert job["state"] == "done" and job["result"]["records"] == 20, job

    # The backup restores on one machine, with SQLite and a folder, to the same content.
    assert team.run("backup", str(tmp_path / "team.tar")).code == 0
    alone = Command(tmp_path / "alone", {"JINBIAO_LANGUAGE": "en"})
    restored = alone.run("restore", str(tmp_path / "team.tar"))
    assert restored.code == 0, restored.err
    assert alone.run("audit", "verify").out.startswith("ok: ")
    again = alone.run("freeze", "1", "--seed", "3")
    assert again.last == job["result"]["commit_id"]
