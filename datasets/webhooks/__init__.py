"""Tell programs outside what happens here: who wants to hear what, and what waits to be told."""

from .actions import ACTIONS, Action
from .hooks import (
    MOST_HOOKS,
    Webhook,
    add,
    change,
    delete,
    get,
    headers_of,
    listing,
    of_backend,
    renew_secret,
    secret_of,
)
from .outbox import (
    TRIES,
    Claimed,
    Delivery,
    DeliveryState,
    any_due,
    claim,
    deliveries,
    emit,
    prune,
    settle,
)

__all__ = [
    "ACTIONS",
    "Action",
    "Claimed",
    "Delivery",
    "DeliveryState",
    "MOST_HOOKS",
    "TRIES",
    "Webhook",
    "add",
    "any_due",
    "change",
    "claim",
    "deliveries",
    "delete",
    "emit",
    "get",
    "headers_of",
    "listing",
    "of_backend",
    "prune",
    "renew_secret",
    "secret_of",
    "settle",
]
