"""Receipts: the proof of one record, the platform's public keys, the program that verifies."""

from __future__ import annotations

from typing import Any

import flask
import msgspec
from flask import Blueprint, Response, render_template, request
from sqlalchemy.orm import Session

from ..datasets import catalogue, errors, receipts, tombstones
from ..datasets.catalogue import Dataset, Release
from ..datasets.errors import _
from ..exporters.receipts import verifier
from . import payloads, release_files, snippets
from .auth import PUBLIC, allows, installation
from .visitors import visitor

routes = Blueprint("receipts", __name__)


@routes.get("/.well-known/jinbiao-keys.json")
@allows(PUBLIC)
def keys() -> Response:
    """Return the public keys of all times that releases are signed with."""
    with installation().database.read() as session:
        answer = payloads.answer(receipts.published(session))
    # Whoever verifies elsewhere must be able to read them from a page of their own.
    answer.headers["Access-Control-Allow-Origin"] = "*"
    return answer


@routes.get("/verify_receipt.py")
@allows(PUBLIC)
def program() -> Response:
    """Send the one file that verifies receipts and releases with Python alone."""
    response = flask.Response(verifier(), mimetype="text/x-python")
    response.headers["Content-Disposition"] = 'attachment; filename="verify_receipt.py"'
    return response


@routes.get("/api/catalogue/<organisation>/<name>/receipts/<key>")
@allows(PUBLIC)
def api_show(organisation: str, name: str, key: str) -> Response:
    """Return the receipt of one record with its Merkle paths and the signed statement.

    Like the record, it is for those who may have it, and gone (451) when that was withdrawn.
    """
    key = key.strip()
    with installation().database.read() as session:
        dataset, release = _resolved(session, organisation, name)
        release_files.check(session, visitor(), dataset, release, "")
        gone = tombstones.gone(session, dataset.id, [key]).get(key)
        if gone is not None:
            raise errors.Withdrawn(_("this record was withdrawn: %(reason)s"), reason=gone.reason)
        proof = receipts.proof(session, installation().store, release, key)
    response = flask.Response(proof, mimetype="application/json")
    if request.args.get("download"):
        response.headers["Content-Disposition"] = 'attachment; filename="receipt.json"'
    return response


@routes.get("/datasets/<organisation>/<name>/verify")
@allows(PUBLIC)
def show(organisation: str, name: str) -> str:
    """Show what the receipt of a record says, and how to verify it without the platform."""
    key = request.args.get("key", "").strip()
    with installation().database.read() as session:
        dataset, release = _resolved(session, organisation, name)
        if key:
            # A receipt tells digests of the record: whoever may not have it could try out guesses.
            release_files.check(session, visitor(), dataset, release, "")
        gone = tombstones.gone(session, dataset.id, [key] if key else [])
        told, problem = _told(session, release, key) if key and not gone else (None, None)
        return render_template(
            "catalogue/verify.html",
            dataset=dataset,
            release=release,
            key=key[: receipts.LONGEST_KEY],
            told=told,
            problem=problem,
            withdrawn=gone.get(key),
            has_receipts=release.merkle_root is not None,
            receipt_address=_receipt_address(dataset, release, key),
            snippets=snippets.verifying(
                request.host_url.rstrip("/"),
                dataset,
                release,
                program=flask.url_for("receipts.program"),
                keys=flask.url_for("receipts.keys"),
                receipt=_receipt_address(dataset, release, key),
            ),
        )


def _receipt_address(dataset: Dataset, release: Release, key: str) -> str:
    """Return where a receipt is fetched; KEY stands where a record's key would."""
    return flask.url_for(
        "receipts.api_show",
        organisation=dataset.organisation.slug,
        name=dataset.name,
        key=key or "KEY",
        revision=release.tag,
        download=1,
    )


def _told(
    session: Session, release: Release, key: str
) -> tuple[dict[str, Any] | None, errors.JinbiaoError | None]:
    """Return a proof and what verifying it said, or why there is none."""
    try:
        proof = receipts.proof(session, installation().store, release, key)
    except errors.NotFound as problem:
        return None, problem
    trusted = msgspec.json.encode(receipts.published(session))
    try:
        receipts.check_receipt(proof, None, trusted)
    except receipts.Wrong:
        return None, errors.Damaged(_("the receipt does not verify: report this to the platform"))
    told: dict[str, Any] = msgspec.json.decode(proof)
    return {**told, "said": msgspec.json.decode(told["release"])}, None


def _resolved(session: Session, organisation: str, name: str) -> tuple[Dataset, Release]:
    dataset = catalogue.find(session, f"{organisation}/{name}", visitor())
    if dataset is None:
        raise errors.NotFound(
            _("there is no dataset %(name)s"), name=f"{organisation}/{name}"[:120]
        )
    revision = request.args.get("revision", "main")
    release = catalogue.resolve(session, dataset, revision)
    if release is None:
        raise errors.NotFound(
            _("the dataset has no revision “%(revision)s”"), revision=revision[:60]
        )
    return dataset, release
