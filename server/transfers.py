"""Take files in pieces by the tus protocol 1.0.0 (https://tus.io/protocols/resumable-upload).

Extensions: creation, creation-with-upload, checksum, termination, expiration. What was
acknowledged by `Upload-Offset` is on the disk and in the table, whatever dies afterwards.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import Any
from wsgiref.handlers import format_date_time

import flask
from flask import Blueprint, Response, request
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException

from ..datasets import errors, libraries, permissions, projects, transfers
from ..datasets.db import now
from ..datasets.errors import _
from ..datasets.libraries import Library
from ..datasets.projects import Project
from ..datasets.transfers import Transfer, pieces
from ..workers import queues, taking
from . import payloads
from .auth import PUBLIC, allows, installation, user
from .errors import body as error_body
from .errors import words

routes = Blueprint("transfers", __name__)
VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,checksum,termination,expiration"
CHECKSUMS = ("sha1", "sha256", "md5")
PIECE_TYPE = "application/offset+octet-stream"
# Bytes that are made durable together.
PIECE = 4 * 1024**2
BLOCK = 256 * 1024
PAGE = 100
_BATCH = re.compile(r"[A-Za-z0-9-]{8,36}")
_KEY = re.compile(r"[!-+\--~]{1,100}")
_NAMES = ("relativePath", "filename", "name")


class Refusal(Exception):
    """An answer that the protocol names by its status."""

    def __init__(self, status: int, error: errors.JinbiaoError) -> None:
        """Keep the status and what is told."""
        super().__init__(str(error))
        self.status, self.error = status, error


@routes.errorhandler(Refusal)
def refused(refusal: Refusal) -> Response:
    """Answer with the status that the protocol has for it."""
    told = error_body(refusal.status, words(refusal.error), {})
    return payloads.answer(told, refusal.status)


@routes.errorhandler(pieces.Busy)
def busy(problem: pieces.Busy) -> Response:
    """Answer 423: clients of the protocol try again."""
    return refused(Refusal(423, problem))


@routes.after_request
def say_version(response: Response) -> Response:
    """Name the version of the protocol in every answer."""
    response.headers["Tus-Resumable"] = VERSION
    response.headers["Tus-Version"] = VERSION
    return response


@routes.route("/api/transfers/", methods=["OPTIONS"])
@allows(PUBLIC)
def options() -> Response:
    """Say what of the protocol is spoken here."""
    response = Response(status=204)
    response.headers["Tus-Extension"] = EXTENSIONS
    response.headers["Tus-Max-Size"] = str(installation().settings.maximum_transfer_bytes)
    response.headers["Tus-Checksum-Algorithm"] = ",".join(CHECKSUMS)
    return response


@routes.get("/api/transfers/", provide_automatic_options=False)
@allows("transfer.write")
def index() -> Response:
    """List one's own uploads, oldest first, of one `batch` or `state`; `after` an id goes on."""
    given = request.args
    with installation().database.read() as session:
        found = transfers.listing(
            session,
            user(),
            batch=given.get("batch") or None,
            state=payloads.choice(given, "state", "", ["", *transfers.TransferState]) or None,
            after=payloads.number(given, "after", 0),
            limit=payloads.page_size(PAGE, 1000),
        )
    return payloads.answer([_shown(row) for row in found])


@routes.post("/api/transfers/", provide_automatic_options=False)
@allows("transfer.write")
def create() -> Response:
    """Begin an upload: its length, and in its metadata the name and the library or project."""
    _check_version()
    told = _metadata(request.headers.get("Upload-Metadata", ""))
    length = _number("Upload-Length")
    settings = installation().settings
    taking.tidy_now_and_then(installation())
    with installation().database.write() as session:
        transfer = transfers.begin(
            session,
            settings,
            user(),
            _target(session, told),
            name=next((told[name] for name in _NAMES if told.get(name)), ""),
            length=length,
            batch=_batch(told.get("batch")),
            options=_options(told),
            metadata_header=request.headers.get("Upload-Metadata"),
        )
    response = Response(status=201)
    response.headers["Location"] = flask.url_for("transfers.show", transfer_key=transfer.key)
    if request.content_length and request.mimetype == PIECE_TYPE:
        _append(transfer, 0, response)
    elif length == 0:
        taking.finish(installation(), transfer.key)
    return _expiring(response, transfer)


@routes.get("/api/transfers/<transfer_key>")
@allows("transfer.write")
def show(transfer_key: str) -> Response:
    """Tell how much of an upload is here."""
    with installation().database.read() as session:
        transfer = transfers.get(session, user(), transfer_key)
    if request.method != "HEAD":
        return payloads.answer(_shown(transfer))
    _check_version()
    if transfer.is_whole and transfer.state == transfers.TransferState.OPEN:
        # Its last piece came, and the process that should have put it away died.
        taking.finish(installation(), transfer_key)
    response = Response(status=200)
    response.headers["Upload-Offset"] = str(transfer.received)
    response.headers["Upload-Length"] = str(transfer.length)
    response.headers["Cache-Control"] = "no-store"
    if transfer.metadata_header:
        response.headers["Upload-Metadata"] = transfer.metadata_header
    return _expiring(response, transfer)


@routes.patch("/api/transfers/<transfer_key>")
@allows("transfer.write")
def append(transfer_key: str) -> Response:
    """Take the next piece of an upload, from `Upload-Offset` on."""
    _check_version()
    if request.mimetype != PIECE_TYPE:
        problem = errors.Invalid(_("a piece is sent as %(type)s"), type=PIECE_TYPE)
        raise Refusal(415, problem)
    offset = _number("Upload-Offset")
    with installation().database.read() as session:
        transfer = transfers.get(session, user(), transfer_key)
        transfers.target_of(session, user(), transfer)
    response = _append(transfer, offset, Response(status=204))
    return _expiring(response, transfer)


@routes.delete("/api/transfers/<transfer_key>")
@allows("transfer.write")
def delete(transfer_key: str) -> Response:
    """Give up an upload; what a job has brought already stays."""
    with installation().database.write() as session:
        transfer = transfers.get(session, user(), transfer_key)
        # Not of its target, which may be gone: a token that only reads gives up nothing.
        permissions.require(user(), transfers.action_for(transfer))
        transfers.give_up(session, installation().settings, transfer)
    pieces.forget(installation().settings, transfer.key)
    return Response(status=204)


@routes.post("/api/transfers/<transfer_key>")
@allows("transfer.write")
def override(transfer_key: str) -> Response:
    """Do what `X-HTTP-Method-Override` names: PATCH or DELETE, where no other way is open."""
    wanted = request.headers.get("X-HTTP-Method-Override", "").upper()
    if wanted == "PATCH":
        return append(transfer_key)
    if wanted == "DELETE":
        return delete(transfer_key)
    raise errors.Invalid(
        _("must be one of %(names)s"), place="X-HTTP-Method-Override", names="PATCH, DELETE"
    )


@routes.post("/api/transfers/batches/<batch>")
@allows("transfer.write")
def bring(batch: str) -> Response:
    """Start one job that brings what has come of a batch of uploads."""
    values = payloads.body()
    payloads.refuse_unknown(values, {"each_line", "format", "as"})
    with installation().database.write() as session:
        job = transfers.bring(session, user(), _batch(batch) or "", _options(values))
    queues.announce(installation(), [job.id])
    return payloads.answer(payloads.job(job), 202)


def _append(transfer: Transfer, offset: int, response: Response) -> Response:
    """Write what the request brings, as far as it comes; put the upload away when it is whole."""
    settings, database = installation().settings, installation().database
    checksum = _checksum()
    with pieces.locked(settings, transfer.key) as file:
        with database.read() as session:
            transfer = transfers.get(session, user(), transfer.key)
        pieces.check_held(file, transfer.received)
        if offset != transfer.received:
            problem = errors.Stale(
                _("the upload stands at %(offset)s bytes"), offset=transfer.received
            )
            raise Refusal(409, problem)
        if (request.content_length or 0) > transfer.length - offset:
            raise errors.TooLarge(_("the piece goes beyond the end of the upload"))
        at = offset
        for piece in _pieces(transfer.length - offset):
            pieces.write(file, at, piece)
            if checksum is None:
                with database.write() as session:
                    transfers.received(session, settings, transfer, at, at + len(piece))
            else:
                checksum[0].update(piece)
            at += len(piece)
        if checksum is not None:
            if checksum[0].digest() != checksum[1]:
                wrong = errors.Invalid(_("the piece does not have the checksum that was told"))
                raise Refusal(460, wrong)
            with database.write() as session:
                transfers.received(session, settings, transfer, offset, at)
    if at == transfer.length:
        taking.finish(installation(), transfer.key)
    response.headers["Upload-Offset"] = str(at)
    return response


def _pieces(most: int) -> Any:
    """Give the bytes of the request in pieces, also the last ones of a connection that broke."""
    # Bounded by what the upload still lacks, not by what one request may bring elsewhere.
    request.max_content_length = None
    held = bytearray()
    left = most
    while left > 0:
        try:
            block = request.stream.read(min(BLOCK, left))
        except (HTTPException, OSError):
            block = b""
        if not block:
            break
        held += block
        left -= len(block)
        if len(held) >= PIECE:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)


def _checksum() -> tuple[Any, bytes] | None:
    told = request.headers.get("Upload-Checksum")
    if not told:
        return None
    name, _space, value = told.partition(" ")
    try:
        wanted = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as problem:
        raise errors.Invalid(_("must be base64"), place="Upload-Checksum") from problem
    if name not in CHECKSUMS:
        raise errors.Invalid(
            _("must be one of %(names)s"), place="Upload-Checksum", names=", ".join(CHECKSUMS)
        )
    return hashlib.new(name, usedforsecurity=False), wanted


def _check_version() -> None:
    if request.headers.get("Tus-Resumable") != VERSION:
        problem = errors.Invalid(_("say Tus-Resumable: %(version)s"), version=VERSION)
        raise Refusal(412, problem)


def _number(name: str) -> int:
    text = request.headers.get(name, "")
    if not re.fullmatch(r"[0-9]{1,17}", text):
        raise errors.Invalid(_("must be a whole number of bytes"), place=name)
    return int(text)


def _metadata(header: str) -> dict[str, str]:
    """Read `Upload-Metadata`: names and base64 values, divided by commas."""
    if len(header) > 8000:
        raise errors.TooLarge(
            _("must have at most %(longest)s bytes"), place="Upload-Metadata", longest=8000
        )
    found: dict[str, str] = {}
    for part in filter(None, (each.strip() for each in header.split(","))):
        name, _space, value = part.partition(" ")
        try:
            found[name] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, ValueError) as problem:
            raise errors.Invalid(_("must be base64 of UTF-8"), place="Upload-Metadata") from problem
        if not _KEY.fullmatch(name):
            raise errors.Invalid(_("has a name that is not usable"), place="Upload-Metadata")
    return found


def _target(session: Session, told: dict[str, str]) -> Library | Project:
    """Return where an upload goes: `library` or `project`, of its metadata or of the address."""
    given = {**request.args.to_dict(), **told}
    if given.get("library"):
        number = payloads.number(given, "library")
        return libraries.get(session, user(), number, "library.bring")
    if given.get("project"):
        return projects.get(session, user(), payloads.number(given, "project"), "task.import")
    raise errors.Invalid(_("say the library or the project that it goes to"), place="library")


def _batch(text: str | None) -> str | None:
    if not text:
        return None
    if not _BATCH.fullmatch(text):
        raise errors.Invalid(_("must be 8 to 36 letters, digits and hyphens"), place="batch")
    return text


def _options(told: dict[str, Any]) -> dict[str, Any]:
    """Return what the job is told beside the files."""
    found: dict[str, Any] = {}
    if payloads.flag(told, "each_line"):
        found["each_line"] = True
    for name in ("format", "as"):
        value = payloads.optional_text(told, name, longest=40)
        if value is not None:
            found[name] = value
    return found


def _expiring(response: Response, transfer: Transfer) -> Response:
    if transfer.state == transfers.TransferState.OPEN:
        response.headers["Upload-Expires"] = format_date_time(transfer.expires_at.timestamp())
    return response


def _shown(transfer: Transfer) -> dict[str, Any]:
    return {
        "id": transfer.id,
        "key": transfer.key,
        "name": transfer.name,
        "length": transfer.length,
        "received": transfer.received,
        "state": transfer.state,
        "library": transfer.library_id,
        "project": transfer.project_id,
        "batch": transfer.batch,
        "job": transfer.job_id,
        "created_at": payloads.time(transfer.created_at),
        "expires_at": payloads.time(transfer.expires_at),
        "has_lapsed": transfer.expires_at < now(),
    }
