"""Verify a receipt, a record or a whole release of Jinbiao 津标, with Python 3.9 or newer alone.

python3 verify_receipt.py RECEIPT.json [--record RECORD.json] [--keys jinbiao-keys.json]
python3 verify_receipt.py FOLDER [--keys jinbiao-keys.json] [--partial]

RECEIPT.json is what the platform gives for one record; FOLDER holds the files of a release.
Without --keys the signatures are checked with the keys that the release itself names: compare
those with the platform's list, /.well-known/jinbiao-keys.json. --partial allows files of the
release to be missing. Exit code: 0 everything holds, 1 something does not, 2 wrong use.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import re
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

RECEIPT, RELEASE = "jinbiao-receipt/1", "jinbiao-release/1"
SIGNATURES, PROOF, KEYS = "jinbiao-signatures/1", "jinbiao-proof/1", "jinbiao-keys/1"
RELEASE_FILE, SIGNATURE_FILE, CHECKSUM_FILE = "release.json", "release.json.sig", "checksums.sha256"
# Written after the release was signed; every other file is covered by the signature.
UNSIGNED = re.compile(r"release\.json(\.sig)?|checksums\.(sha256|sm3)")
FIELDS = {
    RECEIPT: "annotator cleaning config format guideline key prediction record reviewer sources",
    RELEASE: "commit config dataset files format keys manifest receipts records roots tag",
    SIGNATURES: "format signatures",
    PROOF: "format path position receipt release signatures",
}
Json = Any
Hash = Callable[[bytes], bytes]


class Wrong(Exception):
    """Something does not hold: in Chinese and in English."""

    def __init__(self, chinese: str, english: str) -> None:
        super().__init__(f"{chinese} · {english}")


# Canonical JSON: RFC 8785 for objects, arrays, strings, whole numbers, true, false and null; keys
# are in the order of their code points.


def canonical(value: Json) -> bytes:
    """Return the one form of a value: UTF-8, sorted keys, no space, the shortest escapes."""
    return json.dumps(
        value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    ).encode()


def parsed(data: bytes, form: str, what: str) -> Json:
    """Return what canonical JSON of a known form says; one line end is allowed behind it."""
    data = data[:-1] if data.endswith(b"\n") else data
    try:
        value = json.loads(data.decode(), parse_float=_refuse, parse_constant=_refuse)
        if canonical(value) != data or value["format"] != form:
            raise ValueError
        if form in FIELDS and set(value) != set(FIELDS[form].split()):
            raise ValueError
    except (ValueError, KeyError, TypeError, RecursionError) as problem:
        english = f"{what} is not in the canonical form of {form}"
        raise Wrong(f"{what} 不是 {form} 的规范形式", english) from problem
    return value


def _refuse(text: str) -> Json:
    raise ValueError(text)


# SM3 (GB/T 32905-2016), for a Python whose OpenSSL has none.


def _turn(word: int, by: int) -> int:
    by %= 32
    return ((word << by) | (word >> (32 - by))) & 0xFFFFFFFF


_START = bytes.fromhex("7380166f4914b2b9172442d7da8a0600a96f30bc163138aae38dee4db0fb0e4e")
_ROUND = [_turn(0x79CC4519 if j < 16 else 0x7A879D8A, j) for j in range(64)]


def sm3_plain(data: bytes) -> bytes:
    """Return the SM3 digest, worked out in Python."""
    state = struct.unpack(">8I", _START)
    padded = data + b"\x80" + b"\0" * ((55 - len(data)) % 64) + struct.pack(">Q", len(data) * 8)
    for at in range(0, len(padded), 64):
        w = list(struct.unpack(">16I", padded[at : at + 64]))
        for j in range(16, 68):
            x = w[j - 16] ^ w[j - 9] ^ _turn(w[j - 3], 15)
            w.append(x ^ _turn(x, 15) ^ _turn(x, 23) ^ _turn(w[j - 13], 7) ^ w[j - 6])
        a, b, c, d, e, f, g, h = state
        for j in range(64):
            twelve = _turn(a, 12)
            first = _turn((twelve + e + _ROUND[j]) & 0xFFFFFFFF, 7)
            if j < 16:
                one, two = a ^ b ^ c, e ^ f ^ g
            else:
                one, two = (a & b) | (a & c) | (b & c), (e & f) | (~e & g)
            one = (one + d + (first ^ twelve) + (w[j] ^ w[j + 4])) & 0xFFFFFFFF
            two = (two + h + first + w[j]) & 0xFFFFFFFF
            a, b, c, d = one, a, _turn(b, 9), c
            e, f, g, h = two ^ _turn(two, 9) ^ _turn(two, 17), e, _turn(f, 19), g
        state = tuple(x ^ y for x, y in zip(state, (a, b, c, d, e, f, g, h)))  # noqa: B905
    return struct.pack(">8I", *state)


def sha256(data: bytes) -> bytes:
    """Return the SHA-256 digest."""
    return hashlib.sha256(data).digest()


def _sm3(data: bytes) -> bytes:
    return hashlib.new("sm3", data).digest()


sm3: Hash = _sm3 if "sm3" in hashlib.algorithms_available else sm3_plain
HASHES: dict[str, Hash] = {"sha256": sha256, "sm3": sm3}


# The Merkle tree of RFC 6962: 0x00 before a leaf, 0x01 before two nodes.


def leaf(hashed: Hash, data: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashed(b"\0" + data)


def node(hashed: Hash, left: bytes, right: bytes) -> bytes:
    """Return the hash of two nodes."""
    return hashed(b"\1" + left + right)


class Tree:
    """Work out a root, leaf by leaf, in memory for one path only."""

    def __init__(self, hashed: Hash) -> None:
        self.hashed = hashed
        self.size = 0
        self._peaks: list[bytes] = []

    def add(self, found: bytes) -> None:
        """Add the hash of the next leaf."""
        higher = self.size
        while higher & 1:
            found = node(self.hashed, self._peaks.pop(), found)
            higher >>= 1
        self._peaks.append(found)
        self.size += 1

    def root(self) -> bytes:
        """Return the root over what was added."""
        if not self._peaks:
            return self.hashed(b"")
        found = self._peaks[-1]
        for peak in self._peaks[-2::-1]:
            found = node(self.hashed, peak, found)
        return found


def root_by_path(hashed: Hash, found: bytes, place: int, size: int, path: list[bytes]) -> bytes:
    """Return the root that a leaf's path leads to (RFC 9162, 2.1.3.2)."""
    last = size - 1
    good = 0 <= place <= last
    for step in path:
        good = good and last > 0
        if place & 1 or place == last:
            found = node(hashed, step, found)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            found = node(hashed, found, step)
        place, last = place >> 1, last >> 1
    if not good or last:
        raise Wrong("路径的长度不对", "the path has the wrong length")
    return found


# Points of a curve over a prime field, as (x, y); None is the neutral element of SM2's.

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P


def _edwards(one: tuple[int, ...], two: tuple[int, ...]) -> tuple[int, ...]:
    """Add two points in extended coordinates (RFC 8032, 5.1.4)."""
    a = (one[1] - one[0]) * (two[1] - two[0]) % _P
    b = (one[1] + one[0]) * (two[1] + two[0]) % _P
    c = 2 * one[3] * two[3] * _D % _P
    d = 2 * one[2] * two[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _point(data: bytes) -> tuple[int, ...] | None:
    """Return the point that 32 bytes stand for (RFC 8032, 5.1.3)."""
    y = int.from_bytes(data, "little") & (1 << 255) - 1
    u, v = (y * y - 1) % _P, (_D * y * y + 1) % _P
    x = u * pow(v, 3, _P) * pow(u * pow(v, 7, _P), (_P - 5) // 8, _P) % _P
    if v * x * x % _P != u:
        x = x * pow(2, (_P - 1) // 4, _P) % _P
    if y >= _P or v * x * x % _P != u or (x == 0 and data[31] >> 7):
        return None
    x = _P - x if x & 1 != data[31] >> 7 else x
    return x, y, 1, x * y % _P


_BASE = _point((4 * pow(5, -1, _P) % _P).to_bytes(32, "little"))


def ed25519_verifies(public: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether an Ed25519 signature is good (RFC 8032, 5.1.7)."""
    if len(public) != 32 or len(signature) != 64:
        return False
    a, s = _point(public), int.from_bytes(signature[32:], "little")
    if a is None or _BASE is None or s >= _L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % _L
    total: tuple[int, ...] = (0, 1, 1, 0)
    minus = (_P - a[0], a[1], 1, _P - a[3])
    for point, times in ((_BASE, s), (minus, k)):
        while times:
            total = _edwards(total, point) if times & 1 else total
            point, times = _edwards(point, point), times >> 1
    inverse = pow(total[2], -1, _P)
    x, y = total[0] * inverse % _P, total[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little") == signature[:32]


SM2_P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
SM2_N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
SM2_B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
SM2_G = (
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)
SM2_ID = b"1234567812345678"


def _add(one: tuple[int, int] | None, two: tuple[int, int] | None) -> tuple[int, int] | None:
    if one is None or two is None:
        return one or two
    if one[0] == two[0]:
        if (one[1] + two[1]) % SM2_P == 0:
            return None
        slope = 3 * (one[0] ** 2 - 1) * pow(2 * one[1], -1, SM2_P)
    else:
        slope = (two[1] - one[1]) * pow(two[0] - one[0], -1, SM2_P)
    x = (slope * slope - one[0] - two[0]) % SM2_P
    return x, (slope * (one[0] - x) - one[1]) % SM2_P


def sm2_times(times: int, point: tuple[int, int] | None) -> tuple[int, int] | None:
    """Return a multiple of a point of SM2's curve."""
    total = None
    while times:
        total = _add(total, point) if times & 1 else total
        point, times = _add(point, point), times >> 1
    return total


def sm2_digest(public: bytes, message: bytes) -> int:
    """Return what SM2 signs: SM3 over Z and the message (GB/T 32918.2, 5.5 and 6.1)."""
    numbers = (SM2_P - 3, SM2_B, *SM2_G)
    curve = b"".join(number.to_bytes(32, "big") for number in numbers)
    z = sm3(struct.pack(">H", len(SM2_ID) * 8) + SM2_ID + curve + public)
    return int.from_bytes(sm3(z + message), "big")


def sm2_verifies(public: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether an SM2 signature r‖s is good (GB/T 32918.2, 7.1); the key is x‖y."""
    if len(public) != 64 or len(signature) != 64:
        return False
    x, y, r, s = (
        int.from_bytes(part, "big")
        for part in (public[:32], public[32:], signature[:32], signature[32:])
    )
    on_curve = max(x, y) < SM2_P and (y * y - x**3 + 3 * x - SM2_B) % SM2_P == 0
    if not on_curve or not 0 < r < SM2_N or not 0 < s < SM2_N or (r + s) % SM2_N == 0:
        return False
    point = _add(sm2_times(s, SM2_G), sm2_times((r + s) % SM2_N, (x, y)))
    return point is not None and (sm2_digest(public, message) + point[0]) % SM2_N == r


ALGORITHMS = {"ed25519": ed25519_verifies, "sm2": sm2_verifies}


def key_id(algorithm: str, public: bytes) -> str:
    """Return the name of a public key: 32 hex digits of a digest."""
    return hashlib.sha256(f"{algorithm}\0".encode() + public).hexdigest()[:32]


# Receipts


def receipt_of(line: bytes, config: str) -> dict[str, Json]:
    """Return the receipt of a record, from its line of the manifest without the line end."""
    record = json.loads(line)
    prediction, review = record["prediction"], record["review"]
    origin = record.get("origin")
    # Keyed, so that nobody guesses raw material by it; the first versions have it plain.
    names = ("keyed_asset", "asset") if origin else ()
    asset = {name: origin[name] for name in names if name in origin}
    return {
        "format": RECEIPT,
        "key": record["key"],
        "record": {name: hashed(line).hex() for name, hashed in HASHES.items()},
        "sources": {
            "data": record["key"][:64],
            "media": {field: media["source"] for field, media in record["media"].items()},
            **asset,
        },
        "cleaning": origin and origin["cleaning"],
        "prediction": prediction
        and {"model": prediction["model_version"], "weights": prediction["weights"]},
        "annotator": record["annotator"],
        "reviewer": review and review["reviewer"],
        "config": config,
        "guideline": record.get("guideline"),
    }


def _bytes(text: Json, length: int = 32) -> bytes:
    """Return the bytes of lower-case hex of a known length."""
    good = isinstance(text, str) and re.fullmatch(r"[0-9a-f]+", text)
    if not good or len(text) != 2 * length:
        raise Wrong("应为小写十六进制", "lower-case hex was expected")
    return bytes.fromhex(text)


def signed(release: bytes, signatures: bytes, trusted: bytes | None) -> tuple[Json, list[str]]:
    """Return what a signed release says, and the ids of the keys; both signatures must hold."""
    told, by = parsed(release, RELEASE, RELEASE_FILE), parsed(signatures, SIGNATURES, "signatures")
    known = None
    if trusted is not None:
        rows = json.loads(trusted)["keys"]
        known = {(row["algorithm"], row["id"], row["public"]) for row in rows}
    found = []
    for key, given in itertools.zip_longest(told["keys"], by["signatures"]):
        if not key or not given or set(given) != {"algorithm", "key", "signature"}:
            raise Wrong("签名与密钥不成对", "signatures and keys do not belong together")
        name, public = key["algorithm"], bytes.fromhex(key["public"])
        if key["id"] != key_id(name, public) or (given["algorithm"], given["key"]) != (
            name,
            key["id"],
        ):
            raise Wrong("签名用的是别的密钥", "a signature names another key")
        if known is not None and (name, key["id"], key["public"]) not in known:
            raise Wrong(f"密钥 {key['id']} 不在平台名单中", f"key {key['id']} is not in the list")
        if not ALGORITHMS[name](public, release, _bytes(given["signature"], 64)):
            raise Wrong(f"{name} 签名无效", f"the {name} signature is not good")
        found.append(f"{name} {key['id']}")
    if sorted(key["algorithm"] for key in told["keys"]) != sorted(ALGORITHMS):
        raise Wrong(
            "须有 Ed25519 与 SM2 两个签名", "both an Ed25519 and an SM2 signature are needed"
        )
    return told, found


def check_receipt(proof: bytes, record: bytes | None, trusted: bytes | None) -> list[str]:
    """Check one record's receipt, and the record itself where it is given; say what holds."""
    told = parsed(proof, PROOF, "receipt")
    release, keys = signed(told["release"].encode(), told["signatures"].encode(), trusted)
    receipt = told["receipt"]
    if set(told["path"]) != set(HASHES):
        raise Wrong("路径应有 SHA-256 与 SM3", "there must be a path in SHA-256 and one in SM3")
    parsed(canonical(receipt), RECEIPT, "receipt")
    for name, hashed in HASHES.items():
        path = [_bytes(step) for step in told["path"][name]]
        start = leaf(hashed, canonical(receipt))
        found = root_by_path(hashed, start, told["position"], release["records"], path)
        if found != _bytes(release["roots"][name]):
            raise Wrong(f"路径不通向 {name} 根", f"the path does not lead to the {name} root")
    if record is not None:
        line = record[:-1] if record.endswith(b"\n") else record
        if receipt_of(line, release["config"]["sha256"]) != receipt:
            raise Wrong("记录与凭证不符", "the record is not the one of the receipt")
    return [
        f"{release['dataset']} {release['tag']} {release['commit']}",
        f"记录 record {receipt['key']}",
        *keys,
    ]


# Whole releases


def _digest(path: Path) -> str:
    state = hashlib.sha256()
    with path.open("rb") as stream:
        for chunk in iter(lambda: stream.read(1 << 20), b""):
            state.update(chunk)
    return state.hexdigest()


def listed(folder: Path, told: Json) -> list[tuple[str, str]]:
    """Return path and digest of each file of a release; the list must be the signed one."""
    rows = []
    for line in (folder / CHECKSUM_FILE).read_bytes().decode().splitlines(keepends=True):
        good = re.fullmatch(r"([0-9a-f]{64})  ([^\n]+)\n", line)
        if not good or ".." in Path(good[2]).parts or Path(good[2]).is_absolute():
            raise Wrong(f"{CHECKSUM_FILE} 有一行不对", f"{CHECKSUM_FILE} has a wrong line")
        rows.append((good[2], good[1]))
    if rows != sorted(dict(rows).items()):
        raise Wrong(f"{CHECKSUM_FILE} 未排序", f"{CHECKSUM_FILE} is not in order")
    covered = [row for row in rows if not UNSIGNED.fullmatch(row[0])]
    text = "".join(f"{digest}  {name}\n" for name, digest in covered).encode()
    for name, hashed in HASHES.items():
        if (len(covered), hashed(text).hex()) != (told["files"]["count"], told["files"][name]):
            raise Wrong("文件清单与签名不符", "the list of files is not the one that was signed")
    return rows


def check_files(folder: Path, rows: list[tuple[str, str]], partial: bool) -> int:
    """Check the bytes of every file; return how many were there."""
    checked = 0
    for name, expected in rows:
        place = folder / name
        if place.is_file():
            if _digest(place) != expected:
                raise Wrong(f"文件 {name} 被改动", f"the file {name} was changed")
            checked += 1
        elif not partial:
            raise Wrong(f"缺少文件 {name}", f"the file {name} is missing")
    return checked


def check_records(folder: Path, told: Json) -> int:
    """Check each record against its receipt, and all receipts against the signed roots."""
    for part in ("manifest", "receipts"):
        if _digest(folder / told[part]["path"]) != told[part]["sha256"]:
            raise Wrong(f"{told[part]['path']} 被改动", f"{told[part]['path']} was changed")
    trees = [(name, Tree(hashed)) for name, hashed in HASHES.items()]
    manifest = (folder / told["manifest"]["path"]).open("rb")
    receipts = (folder / told["receipts"]["path"]).open("rb")
    with manifest, receipts:
        config = json.loads(manifest.readline()).get("label_config")
        good = config is None or sha256(config.encode()).hex() == told["config"]["sha256"]
        if not good or told["commit"] != told["manifest"]["sha256"][:40]:
            raise Wrong("清单与签名不符", "the manifest is not the one that was signed")
        for number, (line, given) in enumerate(itertools.zip_longest(manifest, receipts), 1):
            receipt = receipt_of((line or b"").rstrip(b"\n"), told["config"]["sha256"])
            if canonical(receipt) + b"\n" != given:
                raise Wrong(f"第 {number} 条记录与凭证不符", f"record {number} has another receipt")
            for _name, tree in trees:
                tree.add(leaf(tree.hashed, given[:-1]))
    for name, tree in trees:
        if (tree.size, tree.root().hex()) != (told["records"], told["roots"][name]):
            raise Wrong(f"{name} 根不符", f"the {name} root is another")
    return int(told["records"])


def check_release(folder: Path, trusted: bytes | None, partial: bool) -> list[str]:
    """Check a release's folder: signatures, files, records; say what holds."""
    read = [(folder / name).read_bytes() for name in (RELEASE_FILE, SIGNATURE_FILE)]
    told, keys = signed(read[0], read[1], trusted)
    rows = listed(folder, told)
    files = check_files(folder, rows, partial)
    held = [f"{told['dataset']} {told['tag']} {told['commit']}", *keys]
    held.append(f"文件 files {files} / {len(rows)}")
    parts = [folder / told[part]["path"] for part in ("manifest", "receipts")]
    if all(part.is_file() for part in parts):
        held.append(f"记录 records {check_records(folder, told)}")
    else:
        held.append("未核对记录：缺少清单或凭证 · records not checked: their list is missing")
    return held


def main(given: list[str] | None = None) -> int:
    """Check what the command line names; return the exit code."""
    words = argparse.ArgumentParser(description=__doc__, add_help=True)
    words.formatter_class = argparse.RawDescriptionHelpFormatter
    words.add_argument("subject", type=Path, help="凭证文件或发布文件夹 · a receipt or a folder")
    words.add_argument("--record", type=Path, help="记录（清单的一行） · a line of manifest.jsonl")
    words.add_argument("--keys", type=Path, help="平台公钥名单 · jinbiao-keys.json")
    words.add_argument("--partial", action="store_true", help="允许缺文件 · files may be missing")
    asked = words.parse_args(given)
    try:
        record, trusted = (
            None if path is None else path.read_bytes() for path in (asked.record, asked.keys)
        )
        if not asked.subject.exists() or (record and asked.subject.is_dir()):
            raise FileNotFoundError(str(asked.subject))
    except OSError as problem:
        print(f"无法读取 · cannot be read: {problem}", file=sys.stderr)
        return 2
    try:
        if asked.subject.is_dir():
            held = check_release(asked.subject, trusted, asked.partial)
        else:
            held = check_receipt(asked.subject.read_bytes(), record, trusted)
    except Wrong as problem:
        print(f"失败 FAILED: {problem}")
        return 1
    except (ValueError, KeyError, TypeError, AttributeError, OSError, RecursionError) as problem:
        print(f"失败 FAILED: 内容不完整 · the content is not whole: {problem!r}")
        return 1
    print("通过 OK\n" + "\n".join(f"  {line}" for line in held))
    if trusted is None:
        print(
            "  未与平台公钥名单核对 · the keys were not compared with the platform's list:\n"
            "  --keys jinbiao-keys.json (/.well-known/jinbiao-keys.json)"
        )
    return 0


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    sys.exit(main())
