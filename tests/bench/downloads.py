"""Download files from the server and from nginx, side by side, with the same client.

Both serve the same objects from the same folder, the server by their names in a release that
is open to everybody, nginx by their digests, and they take turns. The client is curl with 16
connections; it saves what it gets, as whoever downloads does, but where a line says that it
does not. Ranges are asked near the end of the large file.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from jinbiao.datasets import catalogue, people
from jinbiao.datasets.exports import WrittenFile
from jinbiao.datasets.projects import Project
from jinbiao.datasets.versions import Version
from jinbiao.tests import factories, services
from jinbiao.tests.bench.served import Place, open_place, served

SMALL_BYTES = 200 * 1024
CONFIG = """<View><Text name="text" value="$text"/>
<Choices name="choice" toName="text"><Choice value="好"/></Choices></View>"""
GOAL = 0.5
RANGES, RANGE_BYTES = 200, 65536
NGINX = """worker_processes 2;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; tcp_nopush on; default_type application/octet-stream;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2;
  fastcgi_temp_path {folder}/t3; uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{ listen {host}:{port}; root {root}; }}
}}
"""


@dataclass(frozen=True)
class Side:
    """One server, and where it has the files."""

    name: str
    base: str
    small: list[str]
    large: str


@dataclass(frozen=True)
class Work:
    """One thing to download: seconds of each round by side."""

    name: str
    size: int
    files: int
    saved: bool
    seconds: dict[str, list[float]]

    def speed(self, side: str) -> float:
        """Return the megabytes a second of the median round."""
        return self.size / 1e6 / statistics.median(self.seconds[side])

    @property
    def ratio(self) -> float:
        """Return our speed as a share of nginx's, the median of the rounds' pairs."""
        pairs = zip(self.seconds["nginx"], self.seconds["Jinbiao"], strict=True)
        return statistics.median(theirs / ours for theirs, ours in pairs)


def fill(place: Place, small: int, large_bytes: int) -> list[WrittenFile]:
    """Publish a dataset of small files and a large one; return its files, the large one last."""
    store, block = place.installation.store, os.urandom(SMALL_BYTES)
    files = []
    for start in range(0, small, 100):
        contents = [number.to_bytes(8, "big") + block[8:] for number in range(start, start + 100)]
        stored = store.put_many(contents[: small - start])
        files += [
            WrittenFile(f"images/train/{start + number:05d}.bin", each.digest, each.size)
            for number, each in enumerate(stored)
        ]
    with tempfile.TemporaryFile() as draft:
        for _block in range(0, large_bytes, 1 << 20):
            draft.write(os.urandom(1 << 20))
        draft.seek(0)
        kept = store.put(draft)
    files.append(WrittenFile("data/large.bin", kept.digest, kept.size))
    number = place.project("files", CONFIG, 1)
    with place.installation.database.write() as session:
        admin = people.get_user(session, "admin")
        project = session.get_one(Project, number)
        version = Version(
            project_id=number,
            tag="v1.0.0",
            commit_id=kept.digest[:40],
            manifest_digest=kept.digest,
            manifest_size=kept.size,
            records=small,
            label_config=project.label_config,
            parsed_label_config=project.parsed_label_config,
            seed=0,
            fractions="{}",
            created_by=admin.id,
        )
        session.add(version)
        session.flush()
        dataset = catalogue.open_dataset(
            session, admin, project, "files", title="文件", facts=factories.facts()
        )
        catalogue.publish(session, admin, dataset, version, files, card="{}")
    return files


def ours(place: Place, port: int, files: Sequence[WrittenFile]) -> Side:
    """Say where the server has the files."""
    with place.installation.database.read() as session:
        owner = session.get_one(people.Organisation, place.organisation_id).slug
    base = f"http://{services.LOOPBACK}:{port}/datasets/{owner}/files/resolve/v1.0.0/"
    *small, large = [file.path for file in files]
    return Side("Jinbiao", base, small, large)


@contextmanager
def nginx(place: Place, files: Sequence[WrittenFile]) -> Iterator[Side | None]:
    """Serve the store's folder with nginx; None where there is none."""
    program = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if program is None:
        yield None
        return
    (port,) = services.free_ports(1)
    folder = place.folder / "nginx"
    folder.mkdir()
    first = place.installation.store.path(files[0].digest)
    assert first is not None
    root = first.parents[2]
    for each in (place.folder, *root.relative_to(place.folder).parents):
        # nginx gives up its rights, so that the way to the files must be open to it.
        (place.folder / each).chmod(0o755)
    subprocess.run(["chmod", "-R", "a+rX", str(root)], check=True)
    settings = NGINX.format(folder=folder, host=services.LOOPBACK, port=port, root=root)
    (folder / "nginx.conf").write_text(settings)
    process = services.Process("nginx", [program, "-c", str(folder / "nginx.conf")], folder)
    process.start()
    places = [f"{f.digest[:2]}/{f.digest[2:4]}/{f.digest}" for f in files]
    side = Side("nginx", f"http://{services.LOOPBACK}:{port}/", places[:-1], places[-1])
    try:
        process.wait_until(lambda: _fetched(side, side.small[:1], folder / "first")[1] > 0)
        yield side
    finally:
        process.stop()


def _fetched(
    side: Side, paths: Sequence[str], folder: Path, *options: str, save: bool = True
) -> tuple[float, int]:
    """Download files with curl; return the seconds it took and the bytes that came."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    lines = [
        f'url = "{side.base}{path}"\noutput = "{folder / str(number) if save else os.devnull}"'
        for number, path in enumerate(paths)
    ]
    wanted = folder.parent / "curl.txt"
    wanted.write_text("\n".join(lines))
    command = ["curl", "--silent", "--fail", "--parallel", "--parallel-max", "16", *options]
    command += ["--write-out", "%{size_download}\n", "-K", str(wanted)]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    took = time.perf_counter() - began
    return took, sum(int(line) for line in done.stdout.split())


def measure(
    sides: Sequence[Side], files: Sequence[WrittenFile], rounds: int, folder: Path
) -> list[Work]:
    """Let the sides take turns at each kind of work.

    Raises:
        RuntimeError: a side did not give every byte.
    """
    size = files[-1].size
    last = ("--range", f"{size - RANGE_BYTES}-{size - 1}")
    small = sum(file.size for file in files[:-1])
    works = [
        Work("1 个大文件 one large file", size, 1, True, {}),
        Work("小文件 small files", small, len(files) - 1, True, {}),
        Work("小文件，不存盘 small files, not saved", small, len(files) - 1, False, {}),
        Work("大文件末尾的片段 ranges at its end", RANGES * RANGE_BYTES, RANGES, False, {}),
    ]
    for _round in range(rounds):
        for side in sides:
            wanted = [[side.large], side.small, side.small, [side.large] * RANGES]
            for work, paths in zip(works, wanted, strict=True):
                options = last if work is works[-1] else ()
                took, got = _fetched(side, paths, folder / "got", *options, save=work.saved)
                if got != work.size:
                    raise RuntimeError(f"{side.name}: {got} of {work.size} bytes of {work.name}")
                work.seconds.setdefault(side.name, []).append(took)
    return works


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return 1 where the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, default=5000, help="small files of 200 KB")
    parser.add_argument("--large-mb", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="jinbiao-downloads-") as name:
        folder = Path(name)
        place = open_place(folder, None, 1)
        files = fill(place, asked.small, asked.large_mb << 20)
        with served(place) as server, nginx(place, files) as peer:
            own = ours(place, server.port, files)
            # The first requests let the server look the release up.
            _fetched(own, own.small[:32], folder / "got")
            time.sleep(1.0)
            sides = [own] if peer is None else [own, peer]
            works = measure(sides, files, asked.rounds, folder)
    return _told(works, with_peer=peer is not None, to=asked.json)


def _told(works: Sequence[Work], *, with_peer: bool, to: Path | None) -> int:
    missed = 0
    for work in works:
        rate = work.files / statistics.median(work.seconds["Jinbiao"])
        line = f"{work.name}: {work.speed('Jinbiao'):,.0f} MB/s, {rate:,.0f}/s"
        if with_peer:
            line += f"; nginx {work.speed('nginx'):,.0f} MB/s; {work.ratio:.2f}"
            if work.saved and work.ratio < GOAL:
                missed = 1
                line += f" < {GOAL}"
        print(line)
    if not with_peer:
        print("没有 nginx，未比较 · there is no nginx here to compare with", file=sys.stderr)
    if to is not None:
        to.write_text(json.dumps([{"name": work.name, **work.seconds} for work in works]))
    return missed


if __name__ == "__main__":
    sys.exit(main())
