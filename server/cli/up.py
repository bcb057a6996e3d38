"""The command that starts all services of a machine and keeps them running."""

from __future__ import annotations

import fcntl
import os
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import click

from ...datasets import errors, settings
from ...datasets.errors import _
from ...datasets.settings import Settings
from ...workers import redis_server, supervise
from ...workers.supervise import Child
from .loading import load
from .machine import at_the_machine
from .printing import say
from .processes import COMMAND, shares, workers


@click.command()
@click.option("--demo", is_flag=True, help="先运行演示 · Run the demo once, if it was not run yet")
@at_the_machine("it starts the services of this machine")
def up(demo: bool) -> None:
    """启动全部服务 · Start server, worker and a private Redis; Ctrl-C stops them together."""
    chosen = settings.load()
    _check_port(chosen)
    settings.prepare_home(chosen)
    with _alone(chosen):
        _prepare(chosen)
        _keep_up(chosen, demo)


def _prepare(chosen: Settings) -> None:
    """Prepare the installation in a process of its own: this one stays small while it runs."""
    sys.stdout.flush()
    process = os.fork()
    if process == 0:
        if sys.platform == "linux":
            supervise.die_with_parent()
        load(".preparing").prepare(chosen)
        sys.exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    if code != 0:
        # It has said why.
        sys.exit(max(code, 1))


def _keep_up(chosen: Settings, demo: bool) -> None:
    children = []
    if "JINBIAO_REDIS_URL" not in os.environ:
        children.append(
            Child("redis", redis_server.command(chosen), lambda: redis_server.answers(chosen))
        )
    children.append(Child("server", [*COMMAND, "serve"], lambda: _is_up(chosen)))
    children += workers(shares(chosen))

    def when_up() -> None:
        click.echo(f"津标 Jinbiao: {_address(chosen)}")
        if demo:
            threading.Thread(target=_demo, args=(chosen,), daemon=True).start()
        sys.stdout.flush()

    supervise.keep_running(children, when_up)


@contextmanager
def _alone(chosen: Settings) -> Iterator[None]:
    """Hold the home while `up` runs: two of them would share one queue's files.

    Raises:
        errors.Unavailable: another `jinbiao up` holds it.
    """
    with (chosen.home / "up.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            raise errors.Unavailable(
                _("another “jinbiao up” is running in %(home)s"), home=str(chosen.home)
            ) from problem
        yield


def _demo(chosen: Settings) -> None:
    command = [*COMMAND, "demo"]
    # A child of this process, so that Ctrl-C ends it too; it goes on where it stopped.
    child = Child("demo", command)
    child.start()
    if child.process is not None and child.process.wait() == 0:
        click.echo(f"演示数据集 · demo dataset: {_address(chosen)}/datasets/demo/pcb-defects")
    else:
        say(_("demo: failed, see above"), err=True)
    sys.stdout.flush()


def _check_port(chosen: Settings) -> None:
    """Raise errors.Unavailable when something else listens at the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((chosen.host, chosen.port))
        except OSError as problem:
            raise errors.Unavailable(
                _("port %(port)s is taken: set JINBIAO_PORT to another one"), port=chosen.port
            ) from problem


def _is_up(chosen: Settings) -> bool:
    try:
        with urllib.request.urlopen(f"{_address(chosen)}/health", timeout=2) as answer:
            return int(answer.status) == 200
    except (urllib.error.URLError, OSError):
        time.sleep(0.1)
        return False


def _address(chosen: Settings) -> str:
    host = "127.0.0.1" if chosen.host in ("0.0.0.0", "::") else chosen.host
    return f"http://{host}:{chosen.port}"


COMMANDS = (up,)
