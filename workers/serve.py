"""Listen to queues and do what they name, until told to stop; say meanwhile that we live."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Sequence
from types import FrameType

import redis
import rq
import sqlalchemy as sa
from rq import Queue, SimpleWorker
from rq.exceptions import StopRequested
from rq.serializers import JSONSerializer
from rq.worker import DequeueStrategy

from .. import VERSION
from ..datasets import workers
from ..datasets.installation import Installation
from ..datasets.jobs import QUEUES
from . import deliver, loaded, queues, run, spool
from .heart import replaceable, resident_bytes, worker_name
from .work import stopping

log = logging.getLogger("jinbiao.serve")

SWEEP_SECONDS = 1.0
# A worker that is told to stop gives its job so long to reach a checkpoint.
LEAVE_SECONDS = 6.0


def serve(
    installation: Installation,
    names: Sequence[str] = QUEUES,
    *,
    burst: bool = False,
    supervised: bool = False,
) -> None:
    """Work on the jobs of these queues until told to stop; one process, models stay loaded.

    A queue that goes away is waited for. Told to stop, the worker leaves its job at the
    next checkpoint, or where it stands when that takes too long: another one goes on. Where
    somebody starts this process again (`supervised`), a job that goes too far ends it.
    """
    stop = threading.Event()
    stopping.clear()
    if supervised:
        replaceable.set()
    spool.sweep(installation)
    sweeper = threading.Thread(target=_sweep, args=(installation, names, stop), daemon=True)
    messenger = threading.Thread(target=deliver.serve, args=(installation, stop), daemon=True)
    sweeper.start()
    messenger.start()
    previous = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        while not stopping.is_set():
            try:
                _listen(installation, names, burst)
                if burst:
                    return
                # Only a queue that went away ends the listening otherwise.
                stopping.wait(1.0)
            except redis.RedisError as problem:
                log.warning("the queue is away, will look again: %s", problem)
                if burst:
                    return
                stopping.wait(1.0)
            except StopRequested:
                pass
    finally:
        for name, handler in previous.items():
            signal.signal(name, handler)
        replaceable.clear()
        stop.set()
        sweeper.join()
        messenger.join(LEAVE_SECONDS)


class JobWorker(SimpleWorker):
    """Take hints from the queues in this process, and stop soon when told to."""

    max_connection_wait_time = 2.0
    log_result_lifespan = False
    performing = False
    memory_bytes = 0

    def subscribe(self) -> None:
        """Take no commands over the queue: the jobs table decides what is cancelled."""

    def perform_job(self, job: rq.job.Job, queue: Queue) -> bool:
        """Do the job that a hint names; leave when it left too much in memory.

        The next job would otherwise be blamed for it.
        """
        self.performing = True
        try:
            return bool(super().perform_job(job, queue))
        finally:
            self.performing = False
            if replaceable.is_set() and self.memory_bytes and resident_bytes() > self.memory_bytes:
                log.warning("this process holds too much memory, another one takes its place")
                stopping.set()
                self._stop_requested = True

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Stop listening at once, or leave the job at its next checkpoint.

        Nothing here asks the queue: it may be stopping too.
        """
        if not stopping.is_set():
            stopping.set()
            last_word = threading.Timer(LEAVE_SECONDS, os._exit, (1,))
            last_word.daemon = True
            last_word.start()
        self._stop_requested = True
        if not self.performing:
            raise StopRequested


def _listen(installation: Installation, names: Sequence[str], burst: bool) -> None:
    connection = queues.connect(installation.settings, answer_seconds=None)
    heard = [
        Queue(queues.name_of(name), connection=connection, serializer=JSONSerializer)
        for name in names
    ]
    # The queue remembers a killed worker for a while: each listening has a name of its own.
    name = f"{worker_name()}-{secrets.token_hex(4)}"
    worker = JobWorker(heard, connection=connection, serializer=JSONSerializer, name=name)
    worker.memory_bytes = installation.settings.worker_memory_bytes
    try:
        worker.work(
            burst=burst,
            logging_level="CRITICAL",
            with_scheduler=False,
            # A flood of one kind does not hold up the others.
            dequeue_strategy=DequeueStrategy.ROUND_ROBIN,
        )
    finally:
        connection.close()


def _sweep(installation: Installation, names: Sequence[str], stop: threading.Event) -> None:
    """Sweep every second and say every few that this process lives; forget it at the end."""
    next_beat = 0.0
    while True:
        try:
            if time.monotonic() >= next_beat:
                _beat(installation, names, next_beat == 0.0)
                next_beat = time.monotonic() + workers.BEAT_SECONDS
            run.sweep(installation)
        except Exception:
            # Whatever it was, the next round must come: nobody else takes up lost jobs.
            log.warning("the sweeper could not do its round", exc_info=True)
        if stop.wait(SWEEP_SECONDS):
            break
    try:
        with installation.database.write() as session:
            workers.leave(session, worker_name())
    except sa.exc.DBAPIError as problem:
        log.warning("this worker could not say that it leaves: %s", problem)


def _beat(installation: Installation, names: Sequence[str], is_first: bool) -> None:
    memory, models = resident_bytes(), loaded.versions()
    with installation.database.write() as session:
        # What is written down under our name may be a process of before, and may be gone.
        if is_first or not workers.beat(session, worker_name(), memory_bytes=memory, models=models):
            workers.register(
                session,
                worker_name(),
                host=socket.gethostname(),
                process=os.getpid(),
                queues=names,
                version=VERSION,
                memory_bytes=memory,
            )
        workers.forget_dead(session)
