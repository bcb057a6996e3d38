"""Commands of an operator: up, serve, work, migrate, health, backup, restore."""

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
from pathlib import Path

import click
from granian import Granian
from granian.constants import Interfaces, Loops

from ...datasets import audit, backups, errors, migrations, people, settings, staff
from ...datasets.errors import _
from ...datasets.installation import Installation, open_installation
from ...datasets.people import Role
from ...datasets.settings import Settings
from ...workers import queues, redis_server, run, spool, supervise
from ...workers import serve as serving
from ...workers.supervise import Child
from .. import health as health_checks
from .. import wsgi
from .asking import at_the_machine
from .opened import opened
from .printing import progress, say, say_passwords

# Below that the second worker's memory is better left to models and to the database.
TWO_WORKERS_BYTES = 2 * 1024**3
CONTAINER_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
COMMAND = [sys.executable, "-P", "-m", "jinbiao.server.cli"]


@click.command()
@click.option("--demo", is_flag=True, help="先运行演示 · Run the demo once, if it was not run yet")
@at_the_machine("it starts the services of this machine")
def up(demo: bool) -> None:
    """启动全部服务 · Start server, worker and a private Redis; Ctrl-C stops them together."""
    chosen = settings.load()
    _check_port(chosen)
    installation = open_installation(chosen)
    with _alone(chosen):
        installation.database.check()
        migrations.upgrade(installation.database)
        _first_admin(installation)
        spool.sweep(installation)
        installation.close()
        _keep_up(chosen, demo)


def _keep_up(chosen: Settings, demo: bool) -> None:
    children = []
    if "JINBIAO_REDIS_URL" not in os.environ:
        children.append(
            Child("redis", redis_server.command(chosen), lambda: _answers(queues.check, chosen))
        )
    children.append(Child("server", [*COMMAND, "serve"], lambda: _is_up(chosen)))
    children += _workers(_shares(chosen))

    def when_up() -> None:
        click.echo(f"津标 Jinbiao: {_address(chosen)}")
        if demo:
            threading.Thread(target=_demo, args=(chosen,), daemon=True).start()
        sys.stdout.flush()

    supervise.keep_running(children, when_up)


@click.command()
@at_the_machine("it starts a service of this machine")
def serve() -> None:
    """启动网页服务 · Serve HTTP on JINBIAO_HOST:JINBIAO_PORT."""
    chosen = settings.load()
    with opened():
        pass
    Granian(
        "jinbiao.server.wsgi:front",
        address=chosen.host,
        port=chosen.port,
        interface=Interfaces.ASGINL,
        loop=Loops.asyncio,
        workers=chosen.server_processes,
        respawn_failed_workers=True,
        websockets=False,
        workers_kill_timeout=10,
        log_enabled=False,
        # Handed over, not named: a name would be looked up from the folder it is started in,
        # and a checkout is a package of its own there.
    ).serve(target_loader=wsgi.front, wrap_loader=False)


@click.command()
@click.option("--queues", "names", help="服务哪些队列 · Which queues: cpu,gpu,io")
@click.option("--processes", type=click.IntRange(1, 64), help="进程数 · How many processes")
@click.option("--one", is_flag=True, help="只在本进程 · In this very process, not supervised")
@click.option("--burst", is_flag=True, help="做完就退出 · Stop when nothing waits")
@at_the_machine("it starts a service of this machine; each job names who asked for it")
def work(names: str | None, processes: int | None, one: bool, burst: bool) -> None:
    """启动工作进程 · Work on jobs; run it on as many hosts as wanted."""
    chosen = settings.load()
    wanted = settings.queue_names("--queues", names) if names else chosen.worker_queues
    if not (one or burst):
        share = ",".join(wanted)
        children = _workers([share] * (processes or chosen.worker_processes or 1))
        supervise.keep_running(children, lambda: None)
        return
    with opened() as installation:
        if burst:
            run.sweep(installation)
        else:
            supervise.collect_seldom()
        # Whoever starts it with --one, `up` or a service of the system, starts it again.
        serving.serve(installation, wanted, burst=burst, supervised=one and not burst)


def _workers(shares: list[str]) -> list[Child]:
    """Return a worker process for each share of the queues."""
    return [
        Child(f"worker {number} ({share})", [*COMMAND, "work", "--one", "--queues", share])
        for number, share in enumerate(shares, 1)
    ]


def _shares(chosen: Settings) -> list[str]:
    """Divide the queues among the workers of one machine.

    What only waits for others has a process of its own: a training of minutes must not hold
    up a storage or a model backend, nor a slow backend the training. Each holds about 150 MB
    before it loads a model, so a small machine has one that serves all.
    """
    everything = ",".join(chosen.worker_queues)
    if chosen.worker_processes or _memory_bytes() < TWO_WORKERS_BYTES:
        return [everything] * (chosen.worker_processes or 1)
    computing = ",".join(name for name in chosen.worker_queues if name != "io")
    waiting = ",".join(name for name in chosen.worker_queues if name == "io")
    return [share for share in (computing, waiting) if share]


def _memory_bytes() -> int:
    """Return how much memory this machine, or the container, gives us."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in CONTAINER_LIMITS:
        if path.is_file():
            text = path.read_text(encoding="ascii").strip()
            found += [int(text)] if text.isdigit() else []
    return min(found)


@click.command()
@at_the_machine("it changes the schema, which no person has a right to")
def migrate() -> None:
    """升级数据库结构 · Bring the database to the schema that this program needs."""
    installation = open_installation(settings.load())
    installation.database.check()
    revision = migrations.upgrade(installation.database)
    _first_admin(installation)
    installation.close()
    say(_("revision %(revision)s"), revision=revision)


@click.command()
@at_the_machine("it only asks whether the parts answer")
def health() -> None:
    """检查各部分 · Ask every part; exit 1 when one does not answer."""
    installation = open_installation(settings.load())
    found = health_checks.parts(installation)
    for name, fault in found.items():
        click.echo(f"{name}\t{fault or 'ok'}")
    if any(found.values()):
        sys.exit(1)


@click.command()
@click.argument("target", type=click.Path(path_type=Path))
@at_the_machine("it reads the database and the files that whoever runs it holds")
def backup(target: Path) -> None:
    """备份到一个文件 · Back everything up into one file."""
    with opened() as installation, progress(_("Back up")) as show:
        counts = backups.backup(installation, target, show)
        with installation.database.write() as session:
            audit.record(session, "operator", "platform.backup", "backup", **counts)
    _say_counts(target, counts)


@click.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@at_the_machine("it fills an installation in which there is nobody yet")
def restore(source: Path) -> None:
    """从备份恢复到空的安装 · Fill an empty installation from a backup."""
    installation = open_installation(settings.load())
    with progress(_("Restore")) as show:
        counts = backups.restore(installation, source, show)
    installation.close()
    _say_counts(source, counts)


def _say_counts(file: Path, counts: dict[str, int]) -> None:
    message = _("%(name)s: %(tasks)s tasks, %(objects)s objects")
    say(message, name=file, tasks=counts["tasks"], objects=counts["objects"])


def _first_admin(installation: Installation) -> None:
    """Make the first administrator, once, and print the one-time password, once; or the three."""
    if installation.settings.separate_administrators:
        with installation.database.write() as session:
            made = staff.add_administrators(session, staff.THE_THREE)
        say_passwords(made)
        return
    with installation.database.write() as session:
        if people.find_user(session, "admin") is not None:
            return
        platform = people.find_organisation(session, "platform") or people.add_organisation(
            session, "platform", "平台", kind="platform"
        )
        admin, password = people.add_user(
            session, "admin", role=Role.PLATFORM_ADMIN, organisation=platform, name="管理员"
        )
        audit.record(session, "jinbiao", "person.create", f"user/{admin.username}")
    click.echo("管理员 admin 的一次性密码，只显示这一次 · one-time password, shown this once:")
    click.echo(f"  {password}")


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


def _answers(check: object, chosen: Settings) -> bool:
    try:
        check(chosen)  # type: ignore[operator]
    except errors.Unavailable:
        return False
    return True


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


COMMANDS = (up, serve, work, migrate, health, backup, restore)
