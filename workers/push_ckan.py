"""Send a release to another CKAN: its description with links here, or with the files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast
from urllib.parse import quote

import msgspec

from ..datasets import errors, pushes
from ..datasets.errors import _
from ..datasets.exports import WrittenFile
from ..datasets.pushes import Figures, Push
from ..exporters.ckan_package import CONCEPT, DIGEST, extra
from .outgoing import Answer, Remote, refused
from .pieces import Piece, Pieces
from .work import Work

_COMPARED = ("title", "notes", "version", "url", "state")


def licences(remote: Remote) -> set[str]:
    """Return the ids of the licences that the other catalogue lists; none where it does not."""
    answer = remote.ask("POST", "api/3/action/license_list", json={})
    rows = _result(answer) if answer.is_good else []
    return {str(row.get("id")) for row in rows if isinstance(row, dict)}


def send(
    work: Work,
    remote: Remote,
    push: Push,
    package: Mapping[str, Any],
    files: Mapping[str, WrittenFile],
    withheld: int,
) -> Figures:
    """Make the package be there as it is given; `files` by path are sent, others are linked to.

    Raises:
        errors.Refused: the name there is somebody else's, or something is not taken.
    """
    concept = extra(package, CONCEPT) or ""
    found = _found(remote, str(package["name"]), concept)
    links = [row for row in package["resources"] if row["name"] not in files]
    has_changed = found is None
    if found is None:
        found = _create(remote, {**package, "resources": links})
    elif not _is_same(found, package):
        # A part of it: what is not told stays, and older versions lose no resources by that.
        told = {key: value for key, value in package.items() if key != "resources"}
        if not files:
            told["resources"] = links
        found = _ask(remote, "package_patch", {"id": found["id"], **told})
        has_changed = True
    with work.installation.database.write() as session:
        pushes.claim(session, push.id)
        if has_changed and not files:
            pushes.note(session, push.id, sorted((str(row["name"]), 0) for row in links))
        work.advance(session, len(links), len(package["resources"]))
    removed = 0
    if files:
        changed, removed = _send_files(work, remote, push, found, package["resources"], files)
        has_changed = has_changed or changed
    return Figures(
        files=len(package["resources"]),
        size=sum(file.size for file in files.values()),
        withheld=withheld,
        removed=removed,
        address=f"{remote.base}/dataset/{quote(str(package['name']))}",
        commit=None,
        tag=str(package["version"]),
        has_changed=has_changed,
    )


def _found(remote: Remote, name: str, concept: str) -> dict[str, Any] | None:
    """Return our package of that name, None where there is none.

    Raises:
        errors.Refused: it is somebody else's.
    """
    answer = remote.ask("POST", "api/3/action/package_show", json={"id": name})
    if answer.status == 404 and _error_type(answer) == "Not Found Error":
        return None
    if answer.status == 403:
        raise _somebody_elses(name)
    found = _result(_check(answer, "package_show"))
    if not isinstance(found, dict) or extra(found, CONCEPT) != concept:
        raise _somebody_elses(name)
    return found


def _create(remote: Remote, package: Mapping[str, Any]) -> dict[str, Any]:
    answer = remote.ask("POST", "api/3/action/package_create", json=package, once=True)
    told = answer.json()
    problems = told.get("error") if isinstance(told, dict) else None
    if answer.status == 409 and isinstance(problems, dict) and "name" in problems:
        raise _somebody_elses(str(package["name"]))
    found = _result(_check(answer, "package_create"))
    return dict(found) if isinstance(found, dict) else {}


def _is_same(found: Mapping[str, Any], package: Mapping[str, Any]) -> bool:
    """Tell whether what is there is what an earlier push has sent of the same."""
    wanted = {**package, "state": "active"}
    if extra(found, DIGEST) != extra(package, DIGEST):
        return False
    if any((found.get(key) or "") != wanted[key] for key in _COMPARED):
        return False
    there = [row for row in found.get("resources") or [] if isinstance(row, dict)]
    linked = {row["name"]: row for row in package["resources"] if "url" in row}
    named = {row.get("name"): row for row in there}
    return all(
        name in named
        and named[name].get("url") == row["url"]
        and (named[name].get("hash") or "") == row["hash"]
        for name, row in linked.items()
    ) and set(named) == {row["name"] for row in package["resources"]}


def _send_files(
    work: Work,
    remote: Remote,
    push: Push,
    found: Mapping[str, Any],
    wanted: Sequence[Mapping[str, Any]],
    files: Mapping[str, WrittenFile],
) -> tuple[bool, int]:
    """Send the files that are not there with these bytes; take away what is not of the release.

    Returns whether anything changed, and how many resources were taken away.
    """
    there = {row.get("name"): row for row in found.get("resources") or [] if isinstance(row, dict)}
    has_changed, removed = False, 0
    for number, row in enumerate(wanted, 1):
        known, file = there.pop(row["name"], None), files.get(str(row["name"]))
        if file is None:
            if known is None or known.get("url") != row["url"]:
                told = {**row, "package_id": found["id"]}
                if known is not None:
                    told["id"] = known["id"]
                _ask(remote, "resource_update" if known else "resource_create", told)
                has_changed = True
        elif known is None or known.get("hash") != file.digest or not _is_upload(known):
            _send_file(work, remote, str(found["id"]), known, row, file)
            with work.installation.database.write() as session:
                pushes.note(session, push.id, [(file.path, file.size)])
            has_changed = True
        with work.installation.database.write() as session:
            work.advance(session, number, len(wanted))
    for row in there.values():
        _ask(remote, "resource_delete", {"id": row["id"]})
        has_changed, removed = True, removed + 1
    return has_changed, removed


def _send_file(
    work: Work,
    remote: Remote,
    package_id: str,
    known: Mapping[str, Any] | None,
    row: Mapping[str, Any],
    file: WrittenFile,
) -> None:
    """Send one file as a form, at constant memory."""
    fields = {"package_id": package_id, **{key: str(value) for key, value in row.items()}}
    if known is not None:
        fields["id"] = str(known["id"])
    # A mark that the bytes do not hold: nobody chooses bytes that hold their own digest's.
    mark = f"jinbiao-{hashlib.sha256(f'{file.digest}{package_id}'.encode()).hexdigest()}"
    name = PurePosixPath(file.path).name.replace("\\", "_").replace('"', "%22")
    head = "".join(
        f'--{mark}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
        for key, value in fields.items()
    )
    head += (
        f'--{mark}\r\nContent-Disposition: form-data; name="upload"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    pieces = [
        Piece(head.encode()),
        Piece(digest=file.digest, size=file.size) if file.size else Piece(),
        Piece(f"\r\n--{mark}--\r\n".encode()),
    ]

    def opened() -> BinaryIO:
        return cast(BinaryIO, Pieces(work.installation.store, pieces))

    action = "resource_create" if known is None else "resource_update"
    answer = remote.ask(
        "POST",
        f"api/3/action/{action}",
        stream=opened,
        length=sum(piece.length for piece in pieces),
        headers={"Content-Type": f"multipart/form-data; boundary={mark}"},
        once=True,
    )
    _check(answer, f"{action} {file.path}")


def _is_upload(row: Mapping[str, Any]) -> bool:
    return row.get("url_type") == "upload"


def _ask(remote: Remote, action: str, told: Mapping[str, Any]) -> dict[str, Any]:
    once = action.endswith("_create")
    answer = remote.ask("POST", f"api/3/action/{action}", json=told, once=once)
    found = _result(_check(answer, action))
    return dict(found) if isinstance(found, dict) else {}


def _check(answer: Answer, what: str) -> Answer:
    if answer.is_good:
        return answer
    told = answer.json()
    problems = told.get("error") if isinstance(told, dict) else None
    if isinstance(problems, dict):
        # Its own words, field by field, without the name of the error's class.
        said = {key: value for key, value in problems.items() if key != "__type"}
        raise refused(what, Answer(answer.status, {}, msgspec.json.encode({"error": said})))
    raise refused(what, answer)


def _result(answer: Answer) -> Any:
    told = answer.json()
    if not isinstance(told, dict) or told.get("success") is not True:
        raise errors.Refused(_("this address does not answer as a CKAN does"))
    return told.get("result")


def _error_type(answer: Answer) -> str | None:
    told = answer.json()
    error = told.get("error") if isinstance(told, dict) else None
    return error.get("__type") if isinstance(error, dict) else None


def _somebody_elses(name: str) -> errors.Refused:
    return errors.Refused(
        _("“%(name)s” is there already and was not sent from here: it is left alone"), name=name
    )
