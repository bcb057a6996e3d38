"""Deliver what webhooks are to be told: several at a time, each in its order."""

from __future__ import annotations

import hashlib
import hmac
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import msgspec
import sqlalchemy as sa

from ..datasets import addresses, errors, webhooks
from ..datasets.connections import backends, messages
from ..datasets.connections.backends import Backend
from ..datasets.installation import Installation
from ..datasets.webhooks import Claimed, Delivery, Webhook
from . import calls

log = logging.getLogger("jinbiao.deliver")

ANSWER_SECONDS = 10.0
MOST_BYTES = 64 * 1024  # of an answer that nobody reads
TOGETHER = 8  # webhooks at a time
LOOK_SECONDS = 0.5
PRUNE_ROUNDS = 7200  # about an hour of looking

Result = tuple[int | None, str | None]


def serve(installation: Installation, stop: threading.Event) -> None:
    """Deliver until told to stop; what one round cannot do, the next one may."""
    rounds = 0
    while not stop.wait(LOOK_SECONDS):
        try:
            run(installation)
            if rounds % PRUNE_ROUNDS == 0:
                _prune(installation)
        except Exception:
            # Whatever it was, the next round must come.
            log.warning("webhooks could not be served", exc_info=True)
        rounds += 1


def run(installation: Installation) -> int:
    """Deliver what is due now; return how many messages were tried."""
    tried = 0
    while True:
        with installation.database.read() as session:
            if not webhooks.any_due(session):
                return tried
        with installation.database.write() as session:
            claimed = webhooks.claim(session)
        if not claimed:
            return tried
        with ThreadPoolExecutor(TOGETHER, thread_name_prefix="deliver") as pool:
            tried += sum(pool.map(partial(_to_hook, installation), claimed))


def signature(secret: str, content: bytes) -> str:
    """Return what proves to the receiver that a message is ours and whole."""
    return f"sha256={hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()}"


def _to_hook(installation: Installation, claimed: Claimed) -> int:
    """Send one webhook its messages in order, up to the first that gets no answer."""
    results: dict[int, Result] = {}
    try:
        for delivery in claimed.deliveries:
            results[delivery.id] = _tried(installation, claimed.hook, delivery)
            if results[delivery.id][0] is None:
                break
    finally:
        with installation.database.write() as session:
            webhooks.settle(session, claimed, results)
    return len(results)


def _tried(installation: Installation, hook: Webhook, delivery: Delivery) -> Result:
    try:
        return _send(installation, hook, delivery)
    except (errors.Unavailable, sa.exc.DBAPIError):
        raise
    except Exception:
        # The one place where any message may end: it is tried again, and then given up.
        log.exception("delivery %s to webhook %s broke", delivery.key, hook.id)
        return None, "an internal error"


def _send(installation: Installation, hook: Webhook, delivery: Delivery) -> Result:
    settings = installation.settings
    try:
        with installation.database.read() as session:
            backend = None if hook.backend_id is None else session.get(Backend, hook.backend_id)
            told = messages.of_delivery(
                session, addresses.of(settings), delivery, whole=hook.send_payload
            )
        content = msgspec.json.encode(told)
        headers = {
            **webhooks.headers_of(settings, hook),
            "X-Jinbiao-Action": delivery.action,
            "X-Jinbiao-Delivery": delivery.key,
            "X-Jinbiao-Signature": signature(webhooks.secret_of(settings, hook), content),
        }
        reply = calls.send(
            settings,
            "POST",
            hook.url,
            content,
            seconds=ANSWER_SECONDS,
            headers=headers,
            login=None if backend is None else backends.password(settings, backend),
            most_bytes=MOST_BYTES,
        )
    except (errors.Refused, errors.Invalid) as problem:
        log.info("delivery %s to webhook %s failed: %s", delivery.key, hook.id, problem.message)
        return None, str(problem)
    return reply.status, None if reply.is_good else f"HTTP {reply.status}"


def _prune(installation: Installation) -> None:
    """Forget old messages, a part at a time so that others may write."""
    try:
        while True:
            with installation.database.write() as session:
                if webhooks.prune(session) == 0:
                    return
    except sa.exc.DBAPIError as problem:
        log.warning("old webhook messages stay for now: %s", problem)
