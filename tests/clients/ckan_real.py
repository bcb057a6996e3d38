"""Run an unmodified CKAN: its own PostgreSQL and Redis, and a small stand-in for Solr.

The stand-in keeps the documents that CKAN indexes and finds them by name or id again; that is
all that reading and writing single datasets needs.
"""

from __future__ import annotations

import json
import re
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg

from jinbiao.tests import services
from jinbiao.tests.clients.conftest import client_environment, environment

PINS = ("ckan[requirements]==2.12.0",)
OWNER = "city"


@dataclass(frozen=True)
class Ckan:
    """Where a CKAN answers, and the token of its administrator."""

    url: str
    token: str

    def ask(self, action: str, **given: Any) -> Any:
        """Call an action; return its result."""
        asked = urllib.request.Request(
            f"{self.url}/api/3/action/{action}",
            json.dumps(given).encode(),
            {"Content-Type": "application/json", "Authorization": self.token},
        )
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return json.loads(answer.read())["result"]


class _Solr(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    documents: dict[str, dict[str, Any]] = {}

    def log_message(self, *_told: Any) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        """Take documents, or answer a question that came as a form."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if "/select" in self.path:
            return self._select(parse_qs(body.decode()))
        told = json.loads(body) if body[:1] in b"[{" else []
        for document in told if isinstance(told, list) else []:
            self.documents[document["id"]] = document
        return self._answer({"responseHeader": {"status": 0, "QTime": 0}})

    def do_GET(self) -> None:
        """Answer a question; the schema is the one that this CKAN wants."""
        if "schema" in self.path:
            return self._answer(b'<schema name="ckan-2.12" version="1.6"/>')
        return self._select(parse_qs(urlsplit(self.path).query))

    def _select(self, asked: dict[str, list[str]]) -> None:
        words = re.findall(r'(?:name|id):"([^"]*)"', asked.get("q", [""])[0])
        found = [
            document
            for document in self.documents.values()
            if not words or document["id"] in words or document.get("name") in words
        ]
        told = {"numFound": len(found), "start": 0, "docs": found}
        self._answer({"responseHeader": {"status": 0}, "response": told, "facet_counts": {}})

    def _answer(self, told: Any) -> None:
        content = told if isinstance(told, bytes) else json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def serving(folder: Path, first: Path, second: Path) -> Iterator[Ckan]:
    """Run a CKAN with one organisation; `first` and `second` are short paths, for sockets."""
    program = client_environment("ckan-2.12", *PINS).with_name("ckan")
    postgres = services.PostgresServer(first).start()
    redis = services.RedisServer(second).start()
    solr = ThreadingHTTPServer(("127.0.0.1", 0), type("Solr", (_Solr,), {"documents": {}}))
    threading.Thread(target=solr.serve_forever, args=(0.05,), daemon=True).start()
    with psycopg.connect(f"host={postgres.directory} user=postgres", autocommit=True) as session:
        session.execute("CREATE DATABASE ckan")
    (port,) = services.free_ports(1)
    url = f"http://127.0.0.1:{port}"
    config = folder / "ckan.ini"
    given = environment(folder)

    def command(*told: str) -> str:
        ran = subprocess.run(
            [str(program), *told],
            env=given,
            cwd=folder,
            capture_output=True,
            encoding="utf-8",
            timeout=300,
        )
        assert ran.returncode == 0, (told, ran.stdout[-2000:], ran.stderr[-4000:])
        return ran.stdout

    command("generate", "config", str(config))
    values = {
        "sqlalchemy.url": f"postgresql://postgres@/ckan?host={postgres.directory}",
        "solr_url": f"http://127.0.0.1:{solr.server_address[1]}/solr/ckan",
        "ckan.redis.url": redis.url,
        "ckan.site_url": url,
        "ckan.storage_path": str(folder / "storage"),
        "ckan.plugins": "",
    }
    command("config-tool", str(config), *(f"{name} = {value}" for name, value in values.items()))
    settled = ("-c", str(config))
    command(*settled, "db", "init")
    person = ("admin", "email=a@city.example", "password=long-enough-1")
    command(*settled, "user", "add", *person)
    command(*settled, "sysadmin", "add", "admin")
    token = command(*settled, "user", "token", "add", "admin", "push", "-q").strip()
    run = [str(program), *settled, "run", "--host", "127.0.0.1", "--port", str(port)]
    server = services.Process("ckan", [*run, "--disable-reloader"], folder)
    server.start()
    try:
        server.wait_until(lambda: _answers(url), 60)
        found = Ckan(url, token.splitlines()[-1].strip())
        found.ask("organization_create", name=OWNER, title="城市")
        yield found
    finally:
        server.stop()
        solr.shutdown()
        solr.server_close()
        redis.stop()
        postgres.stop()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/api/3/action/site_read", timeout=5) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError:
        # It answers, though not to that.
        return True
    except OSError:
        return False
