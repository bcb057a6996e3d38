"""The command that works on jobs, or keeps processes running that do."""

from __future__ import annotations

import click

from ...datasets import settings
from ...workers import supervise
from .loading import load
from .machine import at_the_machine
from .processes import workers


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
        children = workers([share] * (processes or chosen.worker_processes or 1))
        supervise.keep_running(children, lambda: None)
        return
    with load(".opened").opened() as installation:
        serving = load("...workers.serve")
        if burst:
            load("...workers.run").sweep(installation)
        else:
            supervise.collect_seldom()
        # Whoever starts it with --one, `up` or a service of the system, starts it again.
        serving.serve(installation, wanted, burst=burst, supervised=one and not burst)


COMMANDS = (work,)
