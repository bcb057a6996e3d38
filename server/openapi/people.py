"""Describe the routes of people, tokens and organisations."""

from __future__ import annotations

from .operations import GONE, PAGING, Operation, made, ok, query
from .schemas import FLAG, INTEGER, OBJECT, TEXT, form, listed, maybe, paged, record, ref

_PERSON = form(
    username=TEXT,
    email=TEXT,
    first_name=TEXT,
    last_name=TEXT,
    phone=TEXT,
    password=TEXT,
    role=TEXT,
    organization=TEXT,
    name=TEXT,
)
_TEAM = form(name=TEXT, leader=maybe(INTEGER), organization=TEXT)
_REFRESH = form(("refresh",), refresh=TEXT)

OPERATIONS: dict[str, Operation] = {
    "about.version": Operation(ok(OBJECT), public=True),
    "health.api_health": Operation({200: OBJECT, 503: OBJECT}, public=True),
    "users.whoami": Operation(ok(ref("Asker"))),
    "users.index": Operation(ok(listed(ref("User")))),
    "users.create": Operation(made(ref("NewUser")), body=_PERSON),
    "users.show": Operation(ok(ref("User"))),
    "users.change": Operation(ok(ref("User")), body=_PERSON),
    "users.delete": Operation(GONE),
    "users.hotkeys": Operation(ok(record(custom_hotkeys=OBJECT))),
    "hotkeys.check": Operation(ok(record(warnings=listed(TEXT))), body=form(label_config=TEXT)),
    "users.change_hotkeys": Operation(
        ok(record(custom_hotkeys=OBJECT)), body=form(custom_hotkeys=OBJECT)
    ),
    "tokens.index": Operation(ok(listed(record(token=TEXT)))),
    "tokens.create": Operation(
        made(record(token=TEXT)), body=form(name=TEXT, days=INTEGER, scopes=listed(TEXT))
    ),
    "tokens.present": Operation(ok(record(token=TEXT))),
    "tokens.reset": Operation(made(record(token=TEXT)), body=OBJECT),
    "tokens.kinds": Operation(ok(record(api_tokens_enabled=FLAG, legacy_api_tokens_enabled=FLAG))),
    "token_exchange.refresh": Operation(ok(record(access=TEXT)), body=_REFRESH, public=True),
    "token_exchange.rotate": Operation(ok(record(refresh=TEXT)), body=_REFRESH, public=True),
    "token_exchange.blacklist": Operation(GONE, body=_REFRESH, public=True),
    "organisations.index": Operation(ok(listed(ref("Organization")))),
    "organisations.show": Operation(ok(ref("Organization"))),
    "organisations.change": Operation(ok(ref("Organization")), body=form(title=TEXT)),
    "organisations.members": Operation(ok(paged(ref("Member"))), PAGING),
    "organisations.member": Operation(ok(ref("Member"))),
    "organisations.remove": Operation(GONE),
    "teams.index": Operation(ok(listed(ref("Team"))), query(project=INTEGER)),
    "teams.create": Operation(made(ref("Team")), body=_TEAM),
    "teams.show": Operation(ok(ref("Team"))),
    "teams.change": Operation(ok(ref("Team")), body=_TEAM),
    "teams.delete": Operation(GONE),
    "teams.put_in": Operation(ok(ref("Team")), body=OBJECT),
    "teams.take_out": Operation(GONE),
}
