"""The command that serves HTTP."""

from __future__ import annotations

import click
from granian import Granian
from granian.constants import Interfaces, Loops

from ...datasets import settings
from ...workers.supervise import collect_seldom
from .. import wsgi
from .machine import at_the_machine
from .opened import opened


@click.command()
@at_the_machine("it starts a service of this machine")
def serve() -> None:
    """启动网页服务 · Serve HTTP on JINBIAO_HOST:JINBIAO_PORT."""
    chosen = settings.load()
    with opened():
        pass
    # Its processes are copies of this one: what is frozen now stays shared among them.
    collect_seldom()
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


COMMANDS = (serve,)
