"""Serve a filled catalogue on a free port, and make environments for real clients."""

from __future__ import annotations

import fcntl
import os
import shutil
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from jinbiao.datasets.installation import Installation, open_installation
from jinbiao.datasets.settings import load
from jinbiao.tests import services
from jinbiao.tests.clients import published
from jinbiao.tests.clients.certificates import Certificate

CHECKOUT = Path(__file__).resolve().parents[2]
CLIENTS = CHECKOUT / "var" / "clients"
APPLICATION = "jinbiao.tests.clients.catalogue_app:from_environment"


@dataclass(frozen=True)
class CatalogueServer:
    """Where a filled catalogue is served, and a token of its."""

    url: str
    tokens: published.Tokens

    @property
    def token(self) -> str:
        """Return the publisher's token."""
        return self.tokens.owner


def environment(home: Path, **more: str) -> dict[str, str]:
    """Give a process an environment without our own settings, proxies or tokens."""
    kept = ("PATH", "LANG", "LD_LIBRARY_PATH", "SSL_CERT_FILE")
    given = {name: os.environ[name] for name in kept if name in os.environ}
    return given | {"HOME": str(home), "NO_PROXY": "*", "PYTHONUTF8": "1"} | more


def filled(installation: Installation) -> published.Tokens:
    """Publish what most clients are tried on."""
    owner = published.fill(installation)
    return published.fill_guarded(installation, owner, published.LARGE_SIZE)


@contextmanager
def serving(
    folder: Path,
    settings: Mapping[str, str],
    fill: Callable[[Installation], published.Tokens] = filled,
    certificate: Certificate | None = None,
) -> Iterator[CatalogueServer]:
    """Fill a catalogue and serve it with the server that the platform uses; by TLS if wanted."""
    given = {"JINBIAO_HOME": str(folder / "home"), **settings}
    installation = open_installation(load(given))
    tokens = fill(installation)
    installation.close()
    # The server finds this checkout as `jinbiao` in its working directory.
    (folder / "jinbiao").symlink_to(CHECKOUT)
    (port,) = services.free_ports(1)
    command = [sys.executable, "-m", "granian", "--interface", "asginl", "--factory"]
    command += ["--host", services.LOOPBACK, "--port", str(port), "--loop", "asyncio"]
    if certificate is not None:
        command += ["--ssl-certificate", str(certificate.path), "--ssl-keyfile"]
        command += [str(certificate.key), "--ssl-protocol-min", "tls1.2"]
    server = services.Process("granian", [*command, APPLICATION], folder)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in given.items():
            patch.setenv(name, value)
        server.start()
    url = f"{'https' if certificate else 'http'}://{services.LOOPBACK}:{port}"
    try:
        server.wait_until(lambda: _answers(url, certificate))
        yield CatalogueServer(url, tokens)
    finally:
        server.stop()


@pytest.fixture(scope="session")
def catalogue_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CatalogueServer]:
    """Serve two releases of a dataset from files on this machine."""
    with serving(tmp_path_factory.mktemp("catalogue"), {}) as server:
        yield server


@pytest.fixture
def linking_server(s3: services.S3Account, tmp_path: Path) -> Iterator[CatalogueServer]:
    """Serve them from an S3 store that sends the bytes itself (302)."""
    settings = {
        "JINBIAO_S3_ENDPOINT": s3.endpoint,
        "JINBIAO_S3_PUBLIC_ENDPOINT": s3.endpoint,
        "JINBIAO_S3_ACCESS_KEY": s3.access_key,
        "JINBIAO_S3_SECRET_KEY": s3.secret_key,
        "JINBIAO_S3_BUCKET": s3.bucket,
    }
    with serving(tmp_path, settings) as server:
        yield server


def _answers(url: str, certificate: Certificate | None) -> bool:
    trusted = ssl.create_default_context(cafile=certificate.path) if certificate else None
    try:
        with urllib.request.urlopen(f"{url}/api/datasets", timeout=5, context=trusted) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def client_environment(name: str, *pins: str) -> Path:
    """Return the Python of an environment with these packages; make it on first use.

    It is kept under var/clients, so that only the first run on a machine downloads. Two
    processes that want the same one wait for each other.
    """
    folder = CLIENTS / name
    python, complete = folder / "bin" / "python", folder / "complete.txt"
    CLIENTS.mkdir(parents=True, exist_ok=True)
    with (CLIENTS / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if complete.is_file() and complete.read_text() == "\n".join(pins):
            return python
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
        # What is used once or twice is compiled when it is used.
        install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-compile"]
        subprocess.run([*install, "--quiet", *pins], check=True)
        complete.write_text("\n".join(pins))
    return python
