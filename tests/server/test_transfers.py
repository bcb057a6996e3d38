"""Uploads in pieces keep to the tus protocol, to their owner, and to what they acknowledged."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from jinbiao.datasets import libraries, people, transfers
from jinbiao.datasets.db import now
from jinbiao.datasets.libraries import Asset
from jinbiao.datasets.transfers import Transfer, pieces
from jinbiao.tests.server.world import BOXES, World, picture
from jinbiao.workers import expire, taking

TUS = {"Tus-Resumable": "1.0.0"}
PIECE = {**TUS, "Content-Type": "application/offset+octet-stream"}


def library(world: World, **values: Any) -> int:
    """Make a library of the requester's and return its number."""
    asked = {"title": "来料", **values}
    return int(world.good(world.post("requester", "/api/libraries/", asked), 201)["id"])


def told(**values: Any) -> str:
    """Return metadata as the protocol writes them."""
    return ",".join(
        f"{name} {base64.b64encode(str(value).encode()).decode()}" for name, value in values.items()
    )


def begun(world: World, length: int, who: str = "requester", **values: Any) -> str:
    """Begin an upload and return its address."""
    headers = {**TUS, "Upload-Length": str(length), "Upload-Metadata": told(**values)}
    answer = world.post(who, "/api/transfers/", headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["Location"])


def send(world: World, address: str, offset: int, piece: bytes, **headers: str) -> TestResponse:
    """Send a piece."""
    given = {**PIECE, "Upload-Offset": str(offset), **headers}
    return world.ask("PATCH", address, "requester", headers=given, data=piece)


def offset(world: World, address: str) -> int:
    """Ask how much is here."""
    answer = world.ask("HEAD", address, "requester", headers=TUS)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    return int(answer.headers["Upload-Offset"])


def test_a_file_in_pieces_becomes_an_asset(world: World) -> None:
    number, text = library(world), "天津港的吊机\n".encode()
    address = begun(world, len(text), filename="来/料.txt", library=number)
    assert send(world, address, 0, text[:5]).headers["Upload-Offset"] == "5"
    assert offset(world, address) == 5
    assert send(world, address, 5, text[5:]).status_code == 204
    job = world.finished(world.good(world.get("requester", address))["job"])
    assert (job["state"], job["result"]["assets"]) == ("done", 1)
    (asset,) = world.good(world.get("requester", f"/api/libraries/{number}/assets/"))["results"]
    assert (asset["name"], asset["excerpt"]) == ("来/料.txt", text.decode())
    assert not list(pieces.folder(world.installation.settings).iterdir())


def test_it_says_what_it_speaks(world: World) -> None:
    answer = world.plain.open("/api/transfers/", method="OPTIONS")
    assert answer.status_code == 204 and answer.headers["Tus-Version"] == "1.0.0"
    spoken = set(answer.headers["Tus-Extension"].split(","))
    assert spoken >= {"creation", "termination", "checksum", "expiration"}
    assert int(answer.headers["Tus-Max-Size"]) == 20 * 1024**3


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Tus-Resumable": "0.2.2"}, 412),
        ({"Content-Type": "application/json"}, 415),
        ({"Upload-Offset": "3"}, 409),
        ({"Upload-Offset": "-1"}, 400),
        ({"Upload-Checksum": "sha1 AAAA"}, 460),
        ({"Upload-Checksum": "crc32 AAAA"}, 400),
    ],
)
def test_what_the_protocol_refuses_changes_nothing(
    world: World, headers: dict[str, str], status: int
) -> None:
    address = begun(world, 10, filename="a.txt", library=library(world))
    assert send(world, address, 0, b"12345", **headers).status_code == status
    assert offset(world, address) == 0


def test_a_piece_with_its_checksum_counts(world: World) -> None:
    address = begun(world, 10, filename="a.txt", library=library(world))
    check = base64.b64encode(hashlib.sha1(b"12345").digest()).decode()
    answer = send(world, address, 0, b"12345", **{"Upload-Checksum": f"sha1 {check}"})
    assert answer.status_code == 204 and offset(world, address) == 5


def test_nobody_sends_beyond_the_end(world: World) -> None:
    address = begun(world, 3, filename="a.txt", library=library(world))
    assert send(world, address, 0, b"12345").status_code == 413
    assert offset(world, address) == 0


def test_what_an_unfinished_write_left_is_written_over(world: World) -> None:
    number = library(world)
    address = begun(world, 8, filename="a.txt", library=number)
    assert send(world, address, 0, b"abcd").status_code == 204
    # As if a process had died between the disk and the table.
    key = address.rpartition("/")[2]
    with pieces.path(world.installation.settings, key).open("ab") as file:
        file.write(b"what nobody acknowledged")
    assert offset(world, address) == 4
    assert send(world, address, 4, b"efgh").status_code == 204
    world.finished(world.good(world.get("requester", address))["job"])
    with world.installation.database.read() as session:
        assert session.scalars(sa.select(Asset.text)).one() == "abcdefgh"


def test_a_whole_upload_whose_process_died_is_put_away_when_it_is_asked_for(world: World) -> None:
    address = begun(world, 4, filename="a.txt", library=library(world))
    key = address.rpartition("/")[2]
    with world.installation.database.write() as session:
        row = session.scalars(sa.select(Transfer)).one()
        with pieces.locked(world.installation.settings, key) as file:
            pieces.write(file, 0, b"abcd")
            transfers.received(session, world.installation.settings, row, 0, 4)
    assert offset(world, address) == 4
    assert world.finished(world.good(world.get("requester", address))["job"])["state"] == "done"


def test_bytes_that_another_host_has_are_not_taken_for_zeros(world: World) -> None:
    number = library(world)
    begun_elsewhere, whole_elsewhere = (
        begun(world, 4, filename=f"{n}.txt", library=number) for n in (1, 2)
    )
    assert send(world, begun_elsewhere, 0, b"ab").status_code == 204
    with world.installation.database.write() as session:
        session.execute(
            sa.update(Transfer).where(Transfer.name == "2.txt").values(received=Transfer.length)
        )
    for path in pieces.folder(world.installation.settings).iterdir():
        path.unlink()
    assert send(world, begun_elsewhere, 2, b"cd").status_code == 503
    assert world.ask("HEAD", whole_elsewhere, "requester", headers=TUS).status_code == 503
    with world.installation.database.read() as session:
        assert set(session.scalars(sa.select(Transfer.state))) == {"open"}


def test_two_at_once_do_not_mix(world: World) -> None:
    address = begun(world, 8, filename="a.txt", library=library(world))
    key = address.rpartition("/")[2]
    with pieces.locked(world.installation.settings, key):
        assert send(world, address, 0, b"abcd").status_code == 423
    assert send(world, address, 0, b"abcd").status_code == 204


def test_a_batch_becomes_one_job_with_its_folders(world: World) -> None:
    number, batch = library(world), "0123-4567-89ab"
    for name, content in (("图/a.png", picture(1)), ("图/b.png", picture(2)), ("c.txt", b"x")):
        address = begun(world, len(content), filename=name, library=number, batch=batch)
        assert send(world, address, 0, content).status_code == 204
    assert world.waiting() == []
    result = world.done(world.post("requester", f"/api/transfers/batches/{batch}", {}))
    assert (result["assets"], result["rejected"]) == (3, 0)
    rows = world.good(world.get("requester", f"/api/libraries/{number}/assets/"))["results"]
    assert [row["name"] for row in rows] == ["c.txt", "图/a.png", "图/b.png"]
    assert world.post("requester", f"/api/transfers/batches/{batch}", {}).status_code == 404


def test_a_batch_that_nobody_ended_is_brought_when_it_is_quiet(world: World) -> None:
    number = library(world)
    address = begun(world, 1, filename="c.txt", library=number, batch="0123-4567")
    send(world, address, 0, b"x")
    assert world.waiting() == []
    with world.installation.database.write() as session:
        long_ago = now() - taking.QUIET - dt.timedelta(seconds=1)
        session.execute(sa.update(Transfer).values(touched_at=long_ago))
    expire.run(world.installation)
    (job,) = world.waiting()
    assert world.finished(job)["result"]["assets"] == 1


def test_a_folder_goes_to_a_project_as_tasks(world: World) -> None:
    project, batch = world.project(config=BOXES), "0123-4567-89ab"
    for seed in (1, 2):
        content = picture(seed)
        name = f"批次/{seed}.png"
        address = begun(world, len(content), filename=name, project=project, batch=batch)
        send(world, address, 0, content)
    result = world.done(world.post("requester", f"/api/transfers/batches/{batch}", {}))
    assert result["tasks"] == 2


def test_somebody_elses_upload_is_not_there(world: World) -> None:
    number = library(world)
    address = begun(world, 4, filename="a.txt", library=number)
    for who in ("other_requester", "admin", "manager"):
        assert world.ask("HEAD", address, who, headers=TUS).status_code == 404
        headers = {**PIECE, "Upload-Offset": "0"}
        assert world.ask("PATCH", address, who, headers=headers, data=b"x").status_code == 404
        assert world.ask("DELETE", address, who, headers=TUS).status_code == 404
        assert world.good(world.get(who, "/api/transfers/")) == []
    headers = {**TUS, "Upload-Length": "1", "Upload-Metadata": told(filename="a", library=number)}
    answers = {
        who: world.post(who, "/api/transfers/", headers=headers).status_code
        for who in ("other_requester", "manager", "annotator", "system", None)
    }
    expected = {"other_requester": 404, "manager": 403, "annotator": 403, "system": 403, None: 401}
    assert answers == expected


def test_who_loses_the_right_sends_no_more(world: World) -> None:
    address = begun(world, 4, filename="a.txt", library=library(world))
    with world.installation.database.write() as session:
        people.get_user(session, "requester").role = "annotator"
    assert send(world, address, 0, b"abcd").status_code == 403


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "C:\\x.txt",
        "",
        " ",
        "a\x00b",
        "a\nb",
        "长" * 100,
        "x" * 501,
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(world: World, name: str) -> None:
    number = library(world)
    headers = {
        **TUS,
        "Upload-Length": "1",
        "Upload-Metadata": told(filename=name, library=number),
    }
    assert world.post("requester", "/api/transfers/", headers=headers).status_code == 400


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"Upload-Length": str(21 * 1024**3)}, 413),
        ({"Upload-Length": "x"}, 400),
        ({"Upload-Length": "9" * 30}, 400),
        ({"Upload-Metadata": "filename ***"}, 400),
        ({"Upload-Metadata": "filename YQ==,library YQ=="}, 400),
        ({"Upload-Metadata": ""}, 400),
        ({"Upload-Metadata": "x" * 9000}, 413),
    ],
)
def test_a_beginning_that_is_not_usable_is_refused(
    world: World, change: dict[str, str], status: int
) -> None:
    path = f"/api/transfers/?library={library(world)}"
    headers = {**TUS, "Upload-Length": "1", "Upload-Metadata": told(filename="a.txt"), **change}
    assert world.post("requester", path, headers=headers).status_code == status


def test_what_lapsed_is_forgotten_with_its_bytes(world: World) -> None:
    number = library(world)
    gone, stays = (begun(world, 4, filename=f"{n}.txt", library=number) for n in (1, 2))
    for address in (gone, stays):
        send(world, address, 0, b"ab")
    with world.installation.database.write() as session:
        session.execute(
            sa.update(Transfer)
            .where(Transfer.name == "1.txt")
            .values(expires_at=now() - dt.timedelta(seconds=1))
        )
    expire.run(world.installation)
    assert world.ask("HEAD", gone, "requester", headers=TUS).status_code == 404
    assert offset(world, stays) == 2
    left = [file.name for file in pieces.folder(world.installation.settings).iterdir()]
    assert left == [stays.rpartition("/")[2]]


def test_an_upload_is_given_up(world: World) -> None:
    address = begun(world, 4, filename="a.txt", library=library(world))
    send(world, address, 0, b"ab")
    assert world.ask("DELETE", address, "requester", headers=TUS).status_code == 204
    assert world.ask("HEAD", address, "requester", headers=TUS).status_code == 404
    assert not list(pieces.folder(world.installation.settings).iterdir())


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.binary(min_size=1, max_size=200), cuts=st.lists(st.integers(0, 200), max_size=6))
def test_however_it_is_cut_it_arrives_whole(world: World, content: bytes, cuts: list[int]) -> None:
    with world.installation.database.read() as session:
        there = libraries.listing(session, people.get_user(session, "requester"))
    number = there[0].id if there else library(world)
    address = begun(world, len(content), filename="a.txt", library=number, batch="0000-0000")
    places = sorted({0, *(cut for cut in cuts if cut < len(content)), len(content)})
    for start, end in zip(places, places[1:], strict=False):
        assert send(world, address, start, content[start:end]).status_code == 204
    with world.installation.database.read() as session:
        row = session.scalars(sa.select(Transfer).order_by(Transfer.id.desc())).first()
    assert row is not None and row.digest == hashlib.sha256(content).hexdigest()
