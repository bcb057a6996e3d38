"""Receipts rest on known answers: of the curves, the digests, the tree; and on keys kept well."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from jinbiao.datasets import audit, backups, guidelines, receipts, versions
from jinbiao.datasets.errors import Refused
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.projects import Project
from jinbiao.datasets.receipts import keys, nodes
from jinbiao.datasets.receipts import verify_receipt as verifier
from jinbiao.datasets.settings import Settings
from jinbiao.tests import factories

# RFC 8032, 7.1: public key, message, signature.
ED25519 = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bac"
        "c61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e"
        "458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290"
        "ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]
# GB/T 32918.5-2017, A.2: the curve of the standard.
SM2_SECRET = "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8"
SM2_PUBLIC = (
    "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
    "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
)
SM2_SIGNATURE = (
    "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
    "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"
)
# GB/T 32905-2016, A.1 and A.2.
SM3 = [
    (b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
    (b"abcd" * 16, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
]
# A secret whose public key begins with the byte 04.
MARKED = 11
# The test vectors of the reference implementation of RFC 6962: leaves, and roots over 1 … 8.
LEAVES = [
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize(("public", "message", "signature"), ED25519)
def test_ed25519_of_rfc_8032(public: str, message: str, signature: str) -> None:
    values = [bytes.fromhex(text) for text in (public, message, signature)]
    assert verifier.ed25519_verifies(*values)
    assert not verifier.ed25519_verifies(values[0], values[1] + b"x", values[2])
    # S + L satisfies the equation too, and is refused: a signature has one form.
    more = (
        int.from_bytes(values[2][32:], "little") + 2**252 + 27742317777372353535851937790883648493
    )
    assert not verifier.ed25519_verifies(
        values[0], values[1], values[2][:32] + more.to_bytes(32, "little")
    )


@settings(max_examples=40)
@given(st.binary(max_size=100), st.integers(0, 96 * 8 - 1))
def test_ed25519_agrees_with_a_second_implementation(message: bytes, bit: int) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    public = key.public_key().public_bytes_raw()
    both = bytearray(public + key.sign(message))
    assert verifier.ed25519_verifies(public, message, bytes(both[32:]))
    both[bit // 8] ^= 1 << bit % 8
    try:
        Ed25519PublicKey.from_public_bytes(bytes(both[:32])).verify(bytes(both[32:]), message)
        expected = True
    except (InvalidSignature, ValueError):
        expected = False
    assert expected is False
    assert verifier.ed25519_verifies(bytes(both[:32]), message, bytes(both[32:])) is expected


def test_sm2_of_the_standard() -> None:
    public, signature = bytes.fromhex(SM2_PUBLIC), bytes.fromhex(SM2_SIGNATURE)
    assert verifier.sm2_verifies(public, b"message digest", signature)
    assert not verifier.sm2_verifies(public, b"message digesu", signature)
    point = verifier.sm2_times(int(SM2_SECRET, 16), verifier.SM2_G)
    assert point is not None
    assert b"".join(part.to_bytes(32, "big") for part in point) == public
    assert verifier.sm2_times(verifier.SM2_N, verifier.SM2_G) is None


@settings(max_examples=50)
@given(st.integers(0, 128 * 8 - 1))
def test_sm2_fails_by_one_bit(bit: int) -> None:
    both = bytearray(bytes.fromhex(SM2_PUBLIC + SM2_SIGNATURE))
    both[bit // 8] ^= 1 << bit % 8
    assert not verifier.sm2_verifies(bytes(both[:64]), b"message digest", bytes(both[64:]))


@pytest.mark.parametrize(("message", "digest"), SM3)
def test_sm3_of_the_standard(message: bytes, digest: str) -> None:
    assert verifier.sm3_plain(message).hex() == digest
    assert verifier.sm3(message).hex() == digest


@given(st.binary(max_size=300))
def test_sm3_agrees_with_a_second_implementation(message: bytes) -> None:
    second = hashes.Hash(hashes.SM3())
    second.update(message)
    assert verifier.sm3_plain(message) == second.finalize()


def test_the_tree_is_that_of_rfc_6962() -> None:
    tree = verifier.Tree(verifier.sha256)
    assert tree.root() == verifier.sha256(b"")
    for text, expected in zip(LEAVES, ROOTS, strict=True):
        tree.add(verifier.leaf(verifier.sha256, bytes.fromhex(text)))
        assert tree.root().hex() == expected


def of_rfc(hashed: Any, leaves: list[bytes]) -> bytes:
    """Return the root by the definition of RFC 6962, 2.1."""
    if len(leaves) == 1:
        return verifier.leaf(hashed, leaves[0])
    left = 1 << (len(leaves) - 1).bit_length() - 1
    return verifier.node(hashed, of_rfc(hashed, leaves[:left]), of_rfc(hashed, leaves[left:]))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 255, 256, 257, 511, 700, 66_000])
def test_a_path_takes_few_reads_and_leads_to_the_root(size: int) -> None:
    leaves = [f"{number}".encode() for number in range(size)]
    out = io.BytesIO()
    written = nodes.NodeFile(out)
    for data in leaves:
        written.add(data)
    roots = written.finish()
    if size < 1000:
        assert roots == {
            name: of_rfc(hashed, leaves).hex() for name, hashed in verifier.HASHES.items()
        }
    reads: list[int] = []

    def read(start: int, length: int) -> bytes:
        reads.append(length)
        return out.getvalue()[start : start + length]

    for place in {0, size // 2, size - 1, min(255, size - 1), min(256, size - 1)}:
        reads.clear()
        found = nodes.path(read, place, size)
        assert len(reads) <= 3 and max(reads) <= 256 * 64
        for name, hashed in verifier.HASHES.items():
            path = [bytes.fromhex(step) for step in found[name]]
            start = verifier.leaf(hashed, leaves[place])
            assert verifier.root_by_path(hashed, start, place, size, path).hex() == roots[name]
            assert len(path) <= (size - 1).bit_length()
            for wrong in ({place + 1}, {place - 1}) if size > 1 else ():
                (other,) = wrong
                try:
                    led = verifier.root_by_path(hashed, start, other, size, path).hex()
                except verifier.Wrong:
                    continue
                assert led != roots[name]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
        lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside),
        max_leaves=10,
    )
)
def test_canonical_json_has_one_form(value: Any) -> None:
    try:
        form = verifier.canonical(value)
    except UnicodeEncodeError:
        return  # half of a surrogate pair is no text
    assert json.loads(form) == value
    assert verifier.canonical(json.loads(form)) == form
    assert msgspec.json.decode(form) == value


def test_canonical_json_is_that_of_rfc_8785() -> None:
    # From its section 3.2.2, without the numbers that are not whole.
    value = {"string": '€$\u000f\nA\'B"\\\\"/', "literals": [None, True, False], "a": 1}
    assert (
        verifier.canonical(value)
        == (
            '{"a":1,"literals":[null,true,false],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
        ).encode()
    )


@pytest.mark.parametrize(
    "text",
    [
        '{"format": "x"}',
        '{"format":"x","format":"x"}',
        '{"format":"x","b":1.0}',
        '{"format":"x","b":NaN}',
        '{"format":"x","b":"\\u0041"}',
        '{"format":"x"}\n\n',
        '{"z":1,"format":"x"}',
        '{"format":"y"}',
        "[]",
        "",
        "\xff",
    ],
)
def test_other_forms_are_refused(text: str) -> None:
    assert verifier.parsed(b'{"format":"x"}\n', "x", "it") == {"format": "x"}
    with pytest.raises(verifier.Wrong):
        verifier.parsed(text.encode("latin-1"), "x", "it")


def made(installation: Installation) -> list[receipts.SigningKey]:
    with installation.database.write() as session:
        return receipts.current(session, installation.settings)


def test_keys_are_made_once_and_sign_by_both_algorithms(installation: Installation) -> None:
    first, again = made(installation), made(installation)
    assert [key.told for key in first] == [key.told for key in again]
    assert [key.algorithm for key in first] == ["ed25519", "sm2"]
    message = "津标".encode()
    told = msgspec.json.decode(receipts.sign(installation.settings, first, message))
    for key, row in zip(first, told["signatures"], strict=True):
        assert (row["algorithm"], row["key"]) == (key.algorithm, key.name)
        verifies = verifier.ALGORITHMS[key.algorithm]
        public, signature = bytes.fromhex(key.public), bytes.fromhex(row["signature"])
        assert verifies(public, message, signature)
        assert not verifies(public, message + b"x", signature)


def test_rotated_keys_stay_listed(installation: Installation) -> None:
    old = made(installation)
    with installation.database.write() as session:
        admin = factories.team(session).admin
        new = receipts.rotate(session, installation.settings, admin)
    with installation.database.read() as session:
        published = receipts.published(session)["keys"]
        assert audit.verify(session).fault is None
    assert {key.name for key in old}.isdisjoint(key.name for key in new)
    assert [row["id"] for row in published] == [key.name for key in [*old, *new]]
    assert [row["retired_at"] is None for row in published] == [False, False, True, True]
    assert [key.told for key in made(installation)] == [key.told for key in new]


def test_secrets_are_sealed_in_rows_and_backups(
    installation: Installation, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = made(installation)
    secret = [keys.unseal(installation.settings, key.sealed) for key in found]
    assert all(len(bytes.fromhex(text)) == 32 for text in secret)
    file = tmp_path / "backup.tar"
    backups.backup(installation, file, lambda *_: None)
    kept = file.read_bytes()
    with installation.database.read() as session:
        told = json.dumps(receipts.published(session))
    for text in secret:
        assert text.encode() not in kept and text.upper().encode() not in kept
        assert bytes.fromhex(text) not in kept
        assert text not in told and text not in caplog.text
    assert all(key.public.encode() in kept for key in found)
    other = Settings(home=tmp_path / "elsewhere", secret_key="x" * 40)
    with pytest.raises(Refused, match="secret.key"):
        receipts.sign(other, found, b"x")


def test_a_coordinate_may_begin_like_the_mark_of_a_point() -> None:
    # The library would cut "04" and more from such a key; one in 256 is.
    point = verifier.sm2_times(MARKED, verifier.SM2_G)
    assert point is not None
    public = b"".join(part.to_bytes(32, "big") for part in point)
    assert public.hex().startswith("04")
    signature = keys._sign_sm2(f"{MARKED:064x}", public.hex(), b"x")
    assert verifier.sm2_verifies(public, b"x", signature)


def test_openssl_takes_our_sm2_signatures(installation: Installation, tmp_path: Path) -> None:
    (_ed, key) = made(installation)
    message = tmp_path / "message"
    message.write_bytes(b"release" * 99)
    told = msgspec.json.decode(receipts.sign(installation.settings, [key], message.read_bytes()))
    raw = told["signatures"][0]["signature"]
    # SubjectPublicKeyInfo of id-ecPublicKey on SM2's curve, and the signature in DER.
    head = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d03420004")
    (tmp_path / "key.der").write_bytes(head + bytes.fromhex(key.public))
    parts = [int(raw[:64], 16), int(raw[64:], 16)]
    body = b"".join(
        b"\x02" + bytes([length]) + part.to_bytes(length, "big")
        for part in parts
        for length in [part.bit_length() // 8 + 1]
    )
    (tmp_path / "signature").write_bytes(b"\x30" + bytes([len(body)]) + body)
    command = [
        "openssl", "dgst", "-sm3", "-verify", "key.der", "-keyform", "DER",
        "-signature", "signature", "-sigopt", "distid:1234567812345678", "message",
    ]  # fmt: skip
    try:
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    if "SM3" in done.stderr and "nsupported" in done.stderr:
        pytest.skip("this openssl has no SM2")
    assert (done.returncode, done.stdout.strip()) == (0, "Verified OK"), done.stderr


def test_there_is_one_row_of_each_key(installation: Installation) -> None:
    made(installation)
    with installation.database.read() as session:
        assert session.scalar(sa.select(sa.func.count(receipts.SigningKey.id))) == 2


def test_a_record_says_which_guideline_its_annotator_had_read(installation: Installation) -> None:
    with installation.database.write() as session:
        team = factories.team(session)
    made = factories.tasks(installation, team, 2)
    factories.accepted(installation, team, made[:1])
    with installation.database.write() as session:
        project = session.get_one(Project, team.project.id)
        guidelines.publish(session, team.requester, project, "# 目标")
        guidelines.acknowledge(session, team.annotator, project, 1)
    factories.accepted(installation, dataclasses.replace(team, project=project), made[1:])
    version = factories.frozen(installation, team)
    with installation.database.read() as session:
        opened = versions.opened(session, installation.database, installation.store, version.id)
    lines = list(opened.lines())
    # What is not known is not written: lines from before there were guidelines stay the same.
    assert sorted(
        json.loads(line).get("guideline", "none") for line in lines if "guid" in line
    ) == [1]
    assert len(lines) == 2
    config = receipts.config_digest(opened)
    found = {verifier.receipt_of(line.encode(), config)["guideline"] for line in lines}
    assert found == {None, 1}
    receipt = verifier.receipt_of(lines[0].encode(), config)
    assert receipt["config"] == hashlib.sha256(opened.label_config.encode()).hexdigest()
    assert set(receipt) == set(verifier.FIELDS[verifier.RECEIPT].split())


def test_records_of_the_first_versions_have_the_receipts_that_they_had() -> None:
    record: dict[str, Any] = {
        "key": "1" * 64,
        "media": {},
        "prediction": None,
        "review": None,
        "annotator": "person-1",
    }
    told = {"plain": {"asset": "2" * 64}, "keyed": {"keyed_asset": "3" * 64}, "none": {}}
    for named in told.values():
        line = json.dumps({**record, "origin": {"cleaning": None, **named}}).encode()
        receipt = verifier.receipt_of(line, "4" * 64)
        assert receipt["sources"] == {"data": "1" * 64, "media": {}, **named}
        decoded = msgspec.json.decode(
            json.dumps({"cleaning": None, **named}), type=versions.RecordOrigin
        )
        assert msgspec.to_builtins(decoded) == {"cleaning": None, **named}
