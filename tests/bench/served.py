"""Run the real server on an installation of its own, and let client processes load it."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinbiao.datasets import migrations, people, projects, settings
from jinbiao.datasets.installation import Installation, open_installation
from jinbiao.datasets.people import Role
from jinbiao.tests import services

CLIENT = Path(__file__).with_name("load.py")
_TICK = os.sysconf("SC_CLK_TCK")
_PEAK = re.compile(r"^VmHWM:\s+(\d+)", re.MULTILINE)
_SHARE = re.compile(r"^Pss:\s+(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Place:
    """One installation with people: `tokens` are those of annotators."""

    installation: Installation
    folder: Path
    environment: dict[str, str]
    tokens: list[str]
    requester_token: str
    organisation_id: int

    def project(self, title: str, label_config: str, overlap: int) -> int:
        """Create a project and return its number."""
        with self.installation.database.write() as session:
            admin = people.get_user(session, "admin")
            owner = session.get_one(people.Organisation, self.organisation_id)
            made = projects.create(
                session,
                admin,
                title=title,
                label_config=label_config,
                organisation=owner,
                maximum_annotations=overlap,
            )
            return made.id

    def job(self, kind: str, project_id: int, request: dict[str, Any]) -> dict[str, Any]:
        """Do a job in a process of its own and return what `job.py` tells.

        Raises:
            RuntimeError: the process failed; the message has the end of what it said.
        """
        command = [sys.executable, "-P", "-m", "jinbiao.tests.bench.job"]
        done = subprocess.run(
            [*command, kind, str(project_id), json.dumps(request)],
            capture_output=True,
            text=True,
            env={**os.environ, **self.environment},
        )
        if done.returncode:
            raise RuntimeError(f"the job {kind} failed:\n{done.stderr[-2000:]}")
        return dict(json.loads(done.stdout.splitlines()[-1]))


def open_place(folder: Path, database_url: str | None, clients: int) -> Place:
    """Make an installation below a folder, or on an empty database elsewhere."""
    environment = {"JINBIAO_HOME": str(folder / "home"), "JINBIAO_HOST": services.LOOPBACK}
    environment["JINBIAO_PORT"] = str(services.free_ports(1)[0])
    if database_url is not None:
        environment["JINBIAO_DATABASE_URL"] = database_url
    installation = open_installation(settings.load(environment))
    migrations.upgrade(installation.database)
    name = f"bench-{secrets.token_hex(3)}"
    with installation.database.write() as session:
        home = people.add_organisation(session, name, name)
        if people.find_user(session, "admin") is None:
            people.add_user(session, "admin", role=Role.PLATFORM_ADMIN, organisation=home)
        tokens = []
        for number, role in enumerate([Role.REQUESTER, *[Role.ANNOTATOR] * clients]):
            user, _password = people.add_user(
                session, f"{name}-{number}", role=role, organisation=home
            )
            tokens.append(people.add_token(session, user)[1])
        organisation_id = home.id
    return Place(installation, folder, environment, tokens[1:], tokens[0], organisation_id)


@dataclass(frozen=True)
class Server:
    """A server with all its processes, running."""

    pid: int
    port: int

    def cpu_seconds(self) -> float | None:
        """Return the processor time of all its processes so far, None where it is not told."""
        if not Path("/proc/self/stat").exists():
            return None
        # Its own and, in the two fields behind, that of its ended children.
        return sum(sum(map(int, fields[11:15])) for fields in self._family().values()) / _TICK

    def memory_mb(self) -> float | None:
        """Return the memory that all its processes hold now, what they share counted once."""
        return sum(self._told("smaps_rollup", _SHARE)) / 1024 or None

    def peak_mb(self) -> float | None:
        """Return the peak memory of its largest process, None where the system tells none."""
        return max(self._told("status", _PEAK), default=0) / 1024 or None

    def _told(self, name: str, what: re.Pattern[str]) -> list[int]:
        """Return a number that /proc tells of each of its processes."""
        found = []
        for number in self._family():
            with suppress(OSError):
                match = what.search(Path(f"/proc/{number}/{name}").read_text())
                found += [int(match[1])] if match else []
        return found

    def _family(self) -> dict[int, list[str]]:
        """Return what /proc tells of the process and all below it."""
        told: dict[int, list[str]] = {}
        for file in Path("/proc").glob("[0-9]*/stat"):
            try:
                # The name of a program stands in brackets and may hold spaces.
                told[int(file.parent.name)] = file.read_text().rpartition(")")[2].split()
            except OSError:
                continue
        family, added = {self.pid}, {self.pid}
        while added:
            added = {n for n, fields in told.items() if int(fields[1]) in added} - family
            family |= added
        return {number: told[number] for number in family if number in told}

    def get(self, path: str, token: str) -> Any:
        """Return the JSON at an address."""
        request = urllib.request.Request(
            f"http://{services.LOOPBACK}:{self.port}{path}",
            headers={"Authorization": f"Token {token}"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def ask(self, works: Sequence[dict[str, Any]]) -> Load:
        """Let one client process do each of the works, all at the same time.

        Raises:
            RuntimeError: a client failed; the message has the end of what it said.
        """
        clients = [self._client(work) for work in works]
        for client in clients:
            if client.stdout.readline() != "ready\n":
                raise RuntimeError(f"a client did not start:\n{client.stderr.read()[-2000:]}")
        before = self.cpu_seconds()
        for client in clients:
            client.stdin.write("start\n")
            client.stdin.flush()
        answers = []
        for client in clients:
            said, complaint = client.communicate(timeout=600)
            if client.returncode:
                raise RuntimeError(f"a client failed:\n{complaint[-2000:]}")
            answers.append(json.loads(said))
        after = self.cpu_seconds()
        return Load(answers, None if before is None or after is None else after - before)

    def _client(self, work: dict[str, Any]) -> subprocess.Popen[str]:
        client = subprocess.Popen(
            [sys.executable, "-I", str(CLIENT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        client.stdin.write(json.dumps({"port": self.port, **work}) + "\n")
        client.stdin.flush()
        return client


@dataclass(frozen=True)
class Load:
    """What the clients of one load tell, and the processor time that it took the server."""

    answers: list[dict[str, Any]]
    cpu_seconds: float | None

    def times(self, name: str) -> list[float]:
        """Return all clients' times of one kind, sorted, in milliseconds."""
        return sorted(time for answer in self.answers for time in answer[name])

    def rate(self, name: str) -> float:
        """Return operations of one kind a second, of all clients together."""
        return sum(len(answer[name]) / answer["seconds"] for answer in self.answers)

    def cpu_ms(self, operations: int) -> float | None:
        """Return the server's processor time an operation."""
        return None if self.cpu_seconds is None else self.cpu_seconds * 1000 / operations


@contextmanager
def served(place: Place, what: str = "serve") -> Iterator[Server]:
    """Start the real server, or with "up" all that belongs to it; stop it at the end."""
    chosen = [f"{name}={value}" for name, value in place.environment.items()]
    command = ["env", *chosen, sys.executable, "-P", "-m", "jinbiao.server.cli", what]
    process = services.Process(what, command, place.folder)
    port = int(place.environment["JINBIAO_PORT"])
    process.start()
    try:
        process.wait_until(lambda: _answers(port))
        yield Server(process.pid, port)
    finally:
        process.stop()


def share(times: Sequence[float], part: float) -> float:
    """Return the value that `part` of the sorted times do not pass."""
    return times[min(len(times) - 1, int(len(times) * part))]


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{services.LOOPBACK}:{port}/sign-in", timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
