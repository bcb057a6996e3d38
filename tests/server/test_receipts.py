"""A published record is proved by the program that is handed out, and one changed byte fails."""

from __future__ import annotations

import html
import io
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jinbiao.datasets import catalogue, people, receipts
from jinbiao.datasets.catalogue import Openness
from jinbiao.datasets.receipts import verify_receipt as verifier
from jinbiao.tests.server.command import Command
from jinbiao.tests.server.world import FACTS, World

PATH = "/api/catalogue/alpha/proved/receipts/"


@pytest.fixture(scope="module")
def proved(shared_world: World) -> World:
    """Publish five records."""
    _project, version = shared_world.frozen(5)
    asked = {**FACTS, "name": "proved", "title": "凭证"}
    shared_world.done(shared_world.post("requester", f"/api/versions/{version}/publish", asked))
    return shared_world


@pytest.fixture(scope="module")
def folder(proved: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Download the whole release."""
    place = tmp_path_factory.mktemp("release")
    answer = proved.get(None, "/datasets/alpha/proved/archive/v1.0.0.zip")
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        archive.extractall(place)
    (place.parent / "keys.json").write_bytes(
        proved.get(None, "/.well-known/jinbiao-keys.json").data
    )
    return place


def lines(folder: Path) -> list[bytes]:
    """Return the records of the manifest."""
    return (folder / "manifest.jsonl").read_bytes().splitlines()[1:]


def proof(world: World, line: bytes) -> bytes:
    """Ask for the receipt of a record."""
    answer = world.get(None, PATH + json.loads(line)["key"])
    assert answer.status_code == 200
    return answer.data


def bare(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the program that the release brings, without site packages or environment."""
    command = [sys.executable, "-I", "-S", cwd / receipts.VERIFIER, *words]
    return subprocess.run(
        list(map(str, command)), cwd=cwd, capture_output=True, text=True, encoding="utf-8"
    )


def test_every_record_has_a_receipt_that_verifies(proved: World, folder: Path) -> None:
    trusted = (folder.parent / "keys.json").read_bytes()
    found = lines(folder)
    assert len(found) == 5
    for line in found:
        held = verifier.check_receipt(proof(proved, line), line, trusted)
        assert held[0].startswith("alpha/proved v1.0.0 ")
        receipt = json.loads(proof(proved, line))["receipt"]
        assert receipt["cleaning"] is None and receipt["reviewer"]
        other = next(each for each in found if each != line)
        with pytest.raises(verifier.Wrong):
            verifier.check_receipt(proof(proved, line), other, trusted)


def test_a_bare_python_verifies_a_release_and_a_record(proved: World, folder: Path) -> None:
    assert (folder / receipts.VERIFIER).read_bytes() == proved.get(None, "/verify_receipt.py").data
    done = bare(folder, "--keys", folder.parent / "keys.json", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "通过 OK" in done.stdout and "记录 records 5" in done.stdout
    line = lines(folder)[0]
    (folder.parent / "receipt.json").write_bytes(proof(proved, line))
    (folder.parent / "record.json").write_bytes(line + b"\n")
    words = [folder.parent / "receipt.json", "--record", folder.parent / "record.json"]
    done = bare(*words, cwd=folder)
    assert done.returncode == 0 and "jinbiao-keys.json" in done.stdout
    (folder.parent / "record.json").write_bytes(line.replace(b"person-", b"person_", 1) + b" ")
    done = bare(*words, cwd=folder)
    assert done.returncode == 1 and "失败 FAILED" in done.stdout
    assert bare(folder.parent / "nothing.json", cwd=folder).returncode == 2
    assert bare(cwd=folder).returncode == 2


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_one_changed_byte_of_a_receipt_fails(
    proved: World, folder: Path, data: st.DataObject, tmp_path: Path
) -> None:
    whole = proof(proved, lines(folder)[2]).rstrip(b"\n")
    place = data.draw(st.integers(0, len(whole) - 1))
    change = data.draw(st.integers(1, 255))
    broken = bytearray(whole)
    broken[place] ^= change
    file = tmp_path / "receipt.json"
    file.write_bytes(bytes(broken))
    assert verifier.main([str(file)]) == 1


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_one_changed_byte_of_a_release_fails(folder: Path, data: st.DataObject) -> None:
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)
    file = data.draw(st.sampled_from(paths))
    whole = file.read_bytes()
    broken = bytearray(whole)
    broken[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        file.write_bytes(bytes(broken))
        assert verifier.main([str(folder)]) == 1, file
    finally:
        file.write_bytes(whole)


def test_a_release_signed_by_somebody_else_fails(folder: Path, tmp_path: Path) -> None:
    others = {"format": verifier.KEYS, "keys": []}
    (tmp_path / "keys.json").write_text(json.dumps(others))
    assert verifier.main([str(folder), "--keys", str(tmp_path / "keys.json")]) == 1
    assert verifier.main([str(folder), "--keys", str(folder.parent / "keys.json")]) == 0


def test_missing_files_are_told_unless_they_may_be_missing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = folder / "records" / "train.jsonl"
    whole = file.read_bytes()
    file.unlink()
    try:
        assert verifier.main([str(folder)]) == 1
        assert "records/train.jsonl" in capsys.readouterr().out
        assert verifier.main([str(folder), "--partial"]) == 0
    finally:
        file.write_bytes(whole)


def test_the_release_knows_its_root_and_keys(proved: World, folder: Path) -> None:
    told = json.loads((folder / "release.json").read_bytes())
    with proved.installation.database.read() as session:
        dataset = catalogue.find(session, "alpha/proved")
        assert dataset is not None
        (release,) = catalogue.releases(session, dataset)
    assert told["roots"]["sha256"] == release.merkle_root
    listed = proved.good(proved.get(None, "/.well-known/jinbiao-keys.json"))["keys"]
    assert [{k: row[k] for k in ("algorithm", "id", "public")} for row in listed] == told["keys"]


@pytest.mark.parametrize(
    "key", ["0" * 64, "x", "天津", "0" * 5000, "..%2f..%2frelease.json", "' or 1=1 --"]
)
def test_a_record_that_is_not_there_is_404(proved: World, key: str) -> None:
    answer = proved.get(None, PATH + key)
    assert answer.status_code == 404
    page = proved.get(None, "/datasets/alpha/proved/verify", query_string={"key": key})
    assert page.status_code == 200 and 'data-kind="bad"' in page.text


def test_the_page_says_what_the_receipt_says(proved: World, folder: Path) -> None:
    key = json.loads(lines(folder)[0])["key"]
    page = proved.get(None, "/datasets/alpha/proved/verify", query_string={"key": key}).text
    receipt = json.loads(proof(proved, lines(folder)[0]))["receipt"]
    for text in (receipt["record"]["sm3"], receipt["annotator"], receipt["config"]):
        assert text in page


def test_closed_datasets_have_receipts_for_their_own_people_only(
    proved: World, folder: Path
) -> None:
    path = PATH + json.loads(lines(folder)[0])["key"]

    def set_openness(value: str) -> None:
        with proved.installation.database.write() as session:
            admin = people.get_user(session, "admin")
            dataset = catalogue.find(session, "alpha/proved", admin)
            assert dataset is not None
            dataset.openness = value

    set_openness(Openness.CLOSED)
    try:
        for who, status in ((None, 404), ("other_requester", 404), ("requester", 200)):
            assert proved.get(who, path).status_code == status
            assert proved.get(who, "/datasets/alpha/proved/verify").status_code == status
    finally:
        set_openness(Openness.OPEN)


def test_the_command_lists_and_replaces_keys(tmp_path: Path) -> None:
    command = Command(tmp_path / "home", {"JINBIAO_LANGUAGE": "en"})
    assert command.fork("migrate").code == 0
    before = command.fork("keys").out.splitlines()
    assert [line.split("\t")[0] for line in before] == ["ed25519", "sm2"]
    assert all("in use" in line for line in before)
    after = command.fork("keys", "rotate").out.splitlines()
    assert len(after) == 4 and ["retired" in line for line in after] == [True, True, False, False]


def test_the_lines_to_copy_run_as_they_stand(proved: World, folder: Path, tmp_path: Path) -> None:
    key = json.loads(lines(folder)[0])["key"]
    page = proved.get(None, f"/datasets/alpha/proved/verify?key={key}").text
    one, every = (html.unescape(text) for text in re.findall(r"<pre>(.*?)</pre>", page, re.S))
    base = "http://localhost"
    for text in (one, every):
        # Each brings what it uses.
        assert f"curl -fO {base}/verify_receipt.py\n" in text
        assert f"curl -fo keys.json \\\n  {base}/.well-known/jinbiao-keys.json\n" in text
    assert f"HF_ENDPOINT={base} hf download alpha/proved --repo-type dataset" in every
    # A shell that fetches from here instead of over a wire runs the first as it was copied.
    fetched = tmp_path / "answers"
    fetched.mkdir()
    for name, place in (
        re.findall(r"-fo (\S+) \\\n  '?(?:http://localhost)([^'\s]+)", one)
        + [("verify_receipt.py", "/verify_receipt.py")]
        + re.findall(r"-f -o (\S+) \\\n  '?(?:http://localhost)([^'\s]+)", one)
    ):
        (fetched / name).write_bytes(proved.get(None, place).data)
    curl = tmp_path / "curl"
    curl.write_text(f'#!/bin/sh\ncp "{fetched}"/* .\n')
    curl.chmod(0o755)
    place = tmp_path / "place"
    place.mkdir()
    path = f"{tmp_path}:{Path(sys.executable).parent}:/usr/bin:/bin"
    done = subprocess.run(
        ["sh", "-e", "-c", one], cwd=place, env={"PATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0 and "通过 OK" in done.stdout, done.stdout + done.stderr
