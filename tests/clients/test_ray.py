"""The engine runs on a real Ray cluster what it runs here, and gives the same records."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jinbiao.tests.clients.conftest import client_environment
from jinbiao.tests.conftest import short_directory

VERSION = "2.60.0"

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not os.environ.get("JINBIAO_ALL_CLIENTS"),
        reason="Ray takes 200 MB and a minute: set JINBIAO_ALL_CLIENTS=1",
    ),
]

# Of two runs over the same documents one is on a cluster that is started for it.
SCRIPT = """\
import json, sys
from pathlib import Path
from jinbiao.datasets.settings import Settings
from jinbiao.tests.bench import cleaning as bench
from jinbiao.tests.bench.documents import Corpus
from jinbiao.datasets.cleaning import recipes
from jinbiao.workers.engine import Plan, Run

documents = [bench.row_of(n, d.text) for n, d in enumerate(Corpus(2000), 1)]
folder, address = Path(sys.argv[1]), sys.argv[2]
run = Run(folder / "run", recipes.checked_steps(bench.STEPS), Settings(folder, ray_address=address))
run.begin(Plan(list(range(250, 2001, 250)), 2000))
run.do(lambda done, of: None, run.fill(lambda last, end: documents[last:end]))
if address:
    import daft
    assert daft.runners.get_or_create_runner().name == "ray"
print(json.dumps([ended.columns() for _part, ended in run.results()]))
"""


@contextmanager
def cluster(python: Path, scratch: Path) -> Iterator[str]:
    """Start a cluster of one host and give its address; only what was started here is ended."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [f"--port={port}", "--num-cpus=2", "--include-dashboard=false"]
    command = [str(python), str(python.with_name("ray")), "start", "--head", "--block", *options]
    given = os.environ | {"RAY_USAGE_STATS_ENABLED": "0"}
    process = subprocess.Popen(
        [*command, f"--temp-dir={scratch}"],
        env=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            if "Ray runtime started" in line:
                break
        try:
            yield f"127.0.0.1:{port}"
        finally:
            # It ends its own children.
            process.terminate()
            process.wait(60)


def test_a_cluster_gives_the_same_records(tmp_path: Path) -> None:
    python = client_environment(f"ray-{VERSION}", f"ray=={VERSION}")
    # Beside Ray it sees what this checkout runs with.
    packages = next(python.parents[1].glob("lib/python*/site-packages"))
    beside = sysconfig.get_paths()["purelib"]
    (packages / "beside.pth").write_text(f"import site; site.addsitedir({beside!r})\n")
    with short_directory() as scratch, cluster(python, scratch) as address:
        found = _records(str(python), tmp_path / "cluster", address)
    assert found == _records(sys.executable, tmp_path / "here", "")


def _records(python: str, folder: Path, address: str) -> object:
    folder.mkdir()
    command = [python, "-c", SCRIPT, str(folder), address]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])
