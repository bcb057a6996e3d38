"""Whatever is brought in becomes numbered items and rejects; nothing escapes or is fetched."""

from __future__ import annotations

import base64
import csv
import io
import json
import os
import resource
import time
import tracemalloc
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jinbiao.datasets import media, sources
from jinbiao.datasets.errors import Invalid, NotFound, TooLarge
from jinbiao.datasets.sources import Item, Reject
from jinbiao.datasets.sources.tables import LONGEST_CELL

HOSTILE = Path(__file__).resolve().parents[3] / "shared" / "samples" / "hostile"
LIMITS = sources.SourceLimits()
needs_samples = pytest.mark.skipif(not HOSTILE.is_dir(), reason="the shared samples are not here")
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)

# File → (names of the items, words of the rejects, counted skips), or the words of the refusal.
EXPECTED: dict[str, tuple[list[str], list[str], dict[str, int]] | str] = {
    "archives/zip_slip_unix.zip": (["ok.png"], ["leads out", "leads out"], {}),
    "archives/zip_slip_windows.zip": (["ok.png"], ["leads out", "absolute path"], {}),
    "archives/zip_symlink.zip": ([], ["symbolic link"] * 3, {}),
    "archives/zip_bomb_flat_1GiB.zip": ([], ["200 times"], {}),
    "archives/zip_bomb_nested.zip": ([], [], {"archives inside": 16}),
    "archives/zip_gbk_names_no_utf8_flag.zip": (
        ["README.txt", "缺陷样本/图片一.png", "缺陷样本/标注说明.txt"],
        [],
        {},
    ),
    "archives/zip_duplicate_names.zip": (["a.png"], ["the same name"] * 2, {}),
    "archives/zip_junk_files.zip": (["a.png"], [], {"system files": 5}),
    "archives/zip_truncated.zip": "cut off or damaged",
    "archives/zip_with_prefix.zip": (["a.png"], [], {}),
    "archives/tar_traversal.tar": "only ZIP",
    "archives/gzip_bomb_400MiB.csv.gz": "only ZIP",
    "archives/zip_many_entries.zip": (sorted(f"{n}.txt" for n in range(4000)), [], {}),
    "json/bad_lines.jsonl": (
        ["line 1", "line 3", "line 6", "line 16", "line 22"],
        [
            "this is not JSON",
            "this is not JSON",
            "this is not JSON",
            "a task is an object",
            "a task is an object",
            "a task is an object",
            "a task is an object",
            "NaN",
            "the same name twice",
            "half a character",
            "more than one value",
            "this is not JSON",
            "a number is too large",
            "more than 64 bits",
            "__proto__",
            "prototype",
        ],
        {},
    ),
    "json/bom.jsonl": (["line 1", "line 2"], [], {}),
    "json/array_named_jsonl.jsonl": (["item 1", "item 2"], [], {}),
    "json/deep_nesting.json": ([], ["nested too deep"], {}),
    "label_studio/tasks_ssrf_and_paths.json": (
        [],
        ["not accepted"] * 5
        + ["absolute path"] * 2
        + ["not accepted"] * 2
        + ["absolute path"]
        + ["not accepted"] * 3
        + ["must name a file"],
        {},
    ),
    "label_studio/annotations_bad_geometry.json": ([], ["absolute path"], {}),
    "label_studio/text_offsets.json": (["item 1"], [], {}),
    "label_studio/xss_everywhere.json": ([], ["there is no file"], {}),
}
TEXT_LISTS = ("json/", "label_studio/text_offsets.json")


def read(path: Path, *keys: str, **options: Any) -> list[Item | Reject]:
    limits = options.pop("limits", LIMITS)
    return list(sources.read(path, keys=keys or ("image",), limits=limits, **options))


def places(found: list[Item | Reject]) -> list[str]:
    return [x.place for x in found]


def items(found: list[Item | Reject]) -> list[Item]:
    return [x for x in found if isinstance(x, Item)]


def reasons(found: list[Item | Reject]) -> list[str]:
    return [str(x.reason) for x in found if isinstance(x, Reject)]


def content_of(item: Item, key: str = "image") -> bytes:
    with item.media[key].open() as stream:
        return stream.read()


def zipped(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


REJECT_KEYS = {"number", "place", "reason", "part", "message", "values"}


@needs_samples
def test_the_table_covers_the_index() -> None:
    with (HOSTILE / "INDEX.csv").open(encoding="utf-8-sig") as rows:
        names = {row["path"] for row in csv.DictReader(rows)}
    wanted = {n for n in names if n.startswith(("archives/", "json/", "label_studio/"))}
    assert wanted == set(EXPECTED)


@needs_samples
@pytest.mark.parametrize("name", EXPECTED)
def test_a_hostile_source_gives_what_is_good_and_says_the_rest(name: str) -> None:
    expected, started, before = EXPECTED[name], time.monotonic(), peak_mb()
    key = "text" if name.startswith(TEXT_LISTS) else "image"
    options: dict[str, Any] = {"media_keys": () if key == "text" else None}
    skipped: Counter[str] = Counter()
    if isinstance(expected, str):
        with pytest.raises(Invalid, match=expected):
            read(HOSTILE / name, key)
    else:
        found = read(HOSTILE / name, key, skipped=skipped, **options)
        assert places(items(found)) == expected[0]
        said = reasons(found)
        assert len(said) == len(expected[1])
        assert all(words in reason for words, reason in zip(expected[1], said, strict=True))
        assert skipped == expected[2]
        assert [x.number for x in found] == list(range(1, len(found) + 1))
        for start in {0, 1, len(found) // 2, len(found)}:
            again = read(HOSTILE / name, key, start_after=start, **options)
            assert places(again) == places(found)[start:]
    assert time.monotonic() - started < 5
    assert peak_mb() - before < 64


@needs_samples
def test_every_good_picture_of_the_archives_opens() -> None:
    for name in ("zip_slip_unix", "zip_duplicate_names", "zip_junk_files", "zip_with_prefix"):
        (item,) = items(read(HOSTILE / f"archives/{name}.zip"))
        with item.media["image"].open() as stream:
            facts = media.inspect(stream, item.name, limits=media.MediaLimits())
        assert facts.content_type == "image/png"


@needs_samples
def test_a_folder_of_hostile_pictures_is_one_item_each() -> None:
    found = items(read(HOSTILE / "images"))
    assert places(found) == sorted(path.name for path in (HOSTILE / "images").iterdir())


@needs_samples
def test_image_and_template_are_paired_by_name() -> None:
    boards = HOSTILE.parent / "images" / "deeppcb"
    found = read(boards, "image", "template")
    assert len(items(found)) == 150 and not reasons(found)
    for item in items(found):
        assert item.data["image"].replace("_test", "_temp") == item.data["template"]
        assert item.group == str(Path(item.place).parent)


def tree(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PIXEL)
    return root


PAIRED = ("b/2_image.png", "b/2_golden.jpg", "c/image/x.png", "c/template/x.png", "1.png")


def test_pairs_in_sub_folders_and_what_has_no_partner(tmp_path: Path) -> None:
    names = (*PAIRED, "c/template/y.png", "c/image/deep/z_img.png", "c/image/deep/z_ref.png")
    in_folder = read(tree(tmp_path / "in", *names), "image", "template")
    archive = zipped(tmp_path / "in.zip", dict.fromkeys(names, PIXEL))
    in_archive = read(archive, "image", "template")
    for found in (in_folder, in_archive):
        pairs = [(x.data["image"], x.data["template"], x.group) for x in items(found)]
        assert pairs == [
            ("b/2_image.png", "b/2_golden.jpg", "b"),
            ("c/image/x.png", "c/template/x.png", "c"),
            ("c/image/deep/z_img.png", "c/image/deep/z_ref.png", "c/image/deep"),
        ]
        assert reasons(found) == ["no template found beside it", "no image found beside it"]
        assert content_of(items(found)[0], "template") == PIXEL
    assert places(in_folder) == places(in_archive)


def test_a_folder_leaves_junk_links_and_other_files_out(tmp_path: Path) -> None:
    tree(tmp_path, "a.png", ".DS_Store", "Thumbs.db", "__MACOSX/._a.png", ".git/a.png", "b.csv")
    os.symlink("/etc/passwd", tmp_path / "l.png")
    os.symlink("/etc", tmp_path / "m")
    os.mkfifo(tmp_path / "p.png")
    skipped: Counter[str] = Counter()
    found = read(tmp_path, skipped=skipped)
    assert places(items(found)) == ["a.png"]
    assert reasons(found) == ["it is a symbolic link"] * 2 + ["this is not a regular file"]
    assert skipped == {"system files": 4, "other files": 1}


def test_a_file_that_became_a_link_is_not_opened(tmp_path: Path) -> None:
    (item,) = items(read(tree(tmp_path, "a.png")))
    (tmp_path / "a.png").unlink()
    os.symlink("/etc/passwd", tmp_path / "a.png")
    with pytest.raises(Invalid):
        item.media["image"].open()


def test_a_single_file_is_one_item(tmp_path: Path) -> None:
    path = tree(tmp_path, "upload-1") / "upload-1"
    (item,) = items(read(path, name="螺杆.png"))
    assert (item.name, item.data, content_of(item)) == ("螺杆.png", {"image": "螺杆.png"}, PIXEL)
    assert reasons(read(path, "image", "template", name="a.png")) == ["no template found beside it"]
    with pytest.raises(Invalid, match="no kind of file"):
        read(path, name="a.exe")
    with pytest.raises(NotFound):
        read(tmp_path / "none.png")


def test_only_the_wanted_kinds_are_media(tmp_path: Path) -> None:
    tree(tmp_path, "a.png", "a.txt", "a.wav")
    limits = sources.SourceLimits(kinds=frozenset({"audio"}))
    assert places(read(tmp_path, "audio", limits=limits)) == ["a.wav"]


def task_list(folder: Path, tasks: list[Any], name: str = "tasks.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(tasks, ensure_ascii=False), encoding="utf-8")
    return path


def test_a_list_finds_its_media_beside_it(tmp_path: Path) -> None:
    tree(tmp_path, "图/a.png", ".secret/b.png")
    os.symlink("/etc/passwd", tmp_path / "l.png")
    inline = "data:image/png;base64," + base64.b64encode(PIXEL).decode()
    good = [
        {"image": "图/a.png"},
        {
            "data": {"image": "./图\\a.png", "n": 1},
            "predictions": [{"result": []}],
            "meta": {"m": 1},
        },
        {"image": inline},
        {"image": "https://pictures.example.org/a.png"},
    ]
    bad = [
        "l.png",
        ".secret/b.png",
        "../x.png",
        "图/../../x.png",
        inline + "*",
        7,
        None,
        "C:\\a.png",
    ]
    path = task_list(tmp_path, good + [{"image": value} for value in bad] + [{"text": "x"}])
    found = read(path)
    first, second, third, fourth = items(found)
    assert (first.data, first.group, content_of(first)) == ({"image": "图/a.png"}, "图", PIXEL)
    assert (second.data["n"], second.predictions, second.meta) == (1, [{"result": []}], {"m": 1})
    assert content_of(third) == PIXEL and third.data == {"image": "image.png"}
    assert fourth.media == {} and fourth.data == {"image": "https://pictures.example.org/a.png"}
    assert len(reasons(found)) == len(bad) + 1
    refused = read(path, limits=sources.SourceLimits(allow_remote_urls=False))
    assert "remote addresses" in reasons(refused)[0]
    assert len(items(read(path, name="上传.json"))) == 2  # an upload has nothing beside it


@pytest.mark.parametrize("prefix", ["", "项目/"])
def test_an_archive_with_a_list_is_that_list(tmp_path: Path, prefix: str) -> None:
    rows = [{"image": "图/a.png", "部件": "轴承"}, {"image": "图/none.png"}, {"image": "../e.png"}]
    lines = "\n".join(json.dumps(row) for row in rows).encode()
    entries = {prefix + "tasks.jsonl": lines, prefix + "图/a.png": PIXEL, prefix + "b.png": PIXEL}
    found = read(zipped(tmp_path / "a.zip", entries))
    (item,) = items(found)
    assert item.data == {"image": prefix + "图/a.png", "部件": "轴承"}
    assert content_of(item) == PIXEL and len(found) == 3


@pytest.mark.parametrize(
    "address",
    [
        "http://localhost:6379/",
        "http://127.1/",
        "http://2130706433/",
        "http://[::ffff:127.0.0.1]/",
        "http://0.0.0.0/",
        "http://user@example.org/a.png",
        "http://example.org\\@127.0.0.1/",
        "http://[oops/a.png",
        "http://",
        "HTTP://LOCALHOST./a.png",
        "ftp://example.org/a.png",
        "//example.org/a.png",
        "data:image/svg+xml;base64,AAAA",
    ],
)
def test_addresses_that_reach_inside_are_refused(tmp_path: Path, address: str) -> None:
    assert len(reasons(read(task_list(tmp_path, [{"image": address}])))) == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_lists_come_in_unicode_with_any_mark(tmp_path: Path, encoding: str, name: str) -> None:
    path = tmp_path / name
    row = '{"text": "轴承磨损"}'
    text = f"[{row}, {row}]" if name == "a.json" else f"{row}\r\n\r\n{row}\r\n"
    path.write_bytes(text.encode(encoding))
    found = items(read(path, "text", media_keys=()))
    assert [item.data for item in found] == [{"text": "轴承磨损"}] * 2


@pytest.mark.parametrize(
    ("text", "good", "words"),
    [
        ('[{"t":1},{"t":2}', 2, "breaks off"),
        ('[{"t":1} {"t":2}]', 1, "comma is missing"),
        ('[{"t":1},]', 1, "comma too many"),
        ('[{"t":1}] x', 1, "after the end"),
        ('[{"t":1},{"t":NaN},{"t":3}]', 2, "NaN"),
        ('[{"t":1},{"t":-Infinity}]', 1, "Infinity"),
        ('[{"t":1},{"t":"\\u0000"}]', 1, "NUL"),
        ('[{"t":1},{"t":"\x00"}]', 1, "not JSON"),
        ('[{"t":1},{"t":' + "[" * 70 + "]" * 70 + "}]", 1, "deeper than 64"),
        ('[{"t":1},{"t":' + "9" * 5000 + "}]", 1, "too long"),
        ('{"t":1}', 1, ""),
        ('{\n"t":1}\n{"t":2}', 2, ""),
        ("[]", 0, ""),
        ('[{"data":[1],"annotations":[]}]', 0, "no data"),
        ('[{"data":{"t":1},"annotations":{}}]', 0, "must be a list"),
    ],
)
def test_an_array_gives_what_is_good_and_says_where_it_ends(
    tmp_path: Path, text: str, good: int, words: str
) -> None:
    path = tmp_path / "a.json"
    path.write_text(text, encoding="utf-8")
    found = read(path, "t", media_keys=())
    assert len(items(found)) == good
    assert [words in reason for reason in reasons(found)] == ([True] if words else [])


def test_one_bad_line_does_not_spoil_its_neighbours(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    gbk = '{"t":"轴承"}'.encode("gbk")
    long = b'{"t":"' + b"x" * 6_000_000 + b'"}'
    path.write_bytes(b"\n".join([b'{"t":1}', gbk, long, b'{"t":2}', b'{"t":"\0"}', b'{"t":3}']))
    found = read(path, "t", media_keys=())
    assert places(items(found)) == ["line 1", "line 4", "line 6"]
    assert [x.place for x in found if isinstance(x, Reject)] == ["line 2", "line 3", "line 5"]


def test_one_bad_line_of_a_text_does_not_spoil_its_neighbours(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    lines = [f"第{number}行".encode() for number in range(1, 101)]
    lines[2] = b"\xff\xfe bad \xe4"
    lines[50] = b"x" * (LONGEST_CELL + 1)
    lines[99] = b"x" * LONGEST_CELL
    path.write_bytes(b"\r\n".join(lines))
    found = read(path, "t", media_keys=())
    wanted = [f"line {number}" for number in range(1, 101) if number not in (3, 51)]
    assert places(items(found)) == wanted
    assert [x.place for x in found if isinstance(x, Reject)] == ["line 3", "line 51"]
    again = sources.read(path, keys=("t",), limits=LIMITS, media_keys=(), start_after=50)
    assert [x.number for x in again] == list(range(51, 101)), "it goes on where it stopped"


def test_half_a_character_of_utf_16_spoils_its_own_line_only(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    good = "第一行\n".encode("utf-16-le")
    path.write_bytes(b"\xff\xfe" + good + b"a\xd8b\x00\n\x00" + good)
    found = read(path, "t", media_keys=())
    assert places(items(found)) == ["line 1", "line 3"]
    assert [x.place for x in found if isinstance(x, Reject)] == ["line 2"]


def test_a_line_without_end_is_passed_over_at_constant_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with path.open("wb") as out:
        out.write(b"good\n")
        for _part in range(40):
            out.write(b"x" * 1024**2)
        out.write(b"\ngood again\n")
    tracemalloc.start()
    found = read(path, "t", media_keys=())
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert places(items(found)) == ["line 1", "line 3"]
    assert peak < 16 * 1024**2


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_a_long_list_is_read_at_constant_memory(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    row = json.dumps({"data": {"text": "轴承磨损" * 40}, "predictions": []})
    count = 20_000
    with path.open("w") as out:
        out.write("[" * (name == "a.json"))
        out.write(("," if name == "a.json" else "\n").join(row for _number in range(count)))
        out.write("]" * (name == "a.json"))
    assert path.stat().st_size > 18_000_000
    tracemalloc.start()
    total = sum(1 for _item in sources.read(path, keys=("text",), limits=LIMITS, media_keys=()))
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total == count and peak < 4_000_000


def test_a_reject_is_one_line_of_json(tmp_path: Path) -> None:
    (found,) = read(task_list(tmp_path, [{"image": "缺\n陷.png"}]))
    assert isinstance(found, Reject)
    line = found.to_json()
    assert "\n" not in line and set(json.loads(line)) == REJECT_KEYS | {"row"}
    assert json.loads(json.loads(line)["row"]) == {"image": "缺\n陷.png"}


def test_archives_in_a_folder_are_folders_of_it(tmp_path: Path) -> None:
    folder = tmp_path / "all"
    folder.mkdir()
    (folder / "0.png").write_bytes(PIXEL)
    for number in range(1, 7):
        zipped(folder / f"{number}.zip", {f"部/{number}.png": PIXEL})
    found = items(read(folder))
    assert [each.name for each in found] == [f"{number}.png" for number in range(7)]
    assert found[3].place == "3.zip/部/3.png" and found[3].group == "3.zip/部"
    # Also after others were opened.
    for each in found:
        with each.media["image"].open() as stream:
            assert stream.read() == PIXEL
    (folder / "8.zip").symlink_to("/etc/passwd")
    (folder / "9.zip").write_bytes(b"PK")
    assert sorted(reasons(read(folder))) == [
        "it is a symbolic link", "the ZIP archive is cut off or damaged"
    ]  # fmt: skip


def test_a_task_list_finds_its_media_in_archives_beside_it(tmp_path: Path) -> None:
    zipped(tmp_path / "图片.zip", {"缺陷/a.png": PIXEL})
    task_list(tmp_path, [{"image": "图片.zip/缺陷/a.png"}, {"image": "图片.zip/缺陷/b.png"}])
    good, bad = read(tmp_path)
    assert isinstance(good, Item)
    with good.media["image"].open() as stream:
        assert stream.read() == PIXEL
    assert isinstance(bad, Reject) and "there is no file" in str(bad.reason)


def test_archive_limits_are_stated(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {f"{n}.png": bytes(2_000) for n in range(30)})
    for limits in ({"entries": 29}, {"archive_bytes": 59_999}):
        with pytest.raises(TooLarge):
            read(path, limits=sources.SourceLimits(**limits))
    limits = sources.SourceLimits(ratio=10, ratio_from=1_000)
    assert set(reasons(read(path, limits=limits))) == {"it unpacks to more than 10 times its size"}
    assert len(reasons(read(path, limits=sources.SourceLimits(file_bytes=1_999)))) == 30


def test_an_encrypted_archive_is_named_so(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.png": PIXEL})
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(Invalid, match="encrypted"):
        read(path)


def test_an_entry_that_lies_about_itself_is_refused_when_opened(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.png": bytes(100_000), "b.png": PIXEL})
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\x01\x02") + 24
    content[at : at + 4] = (50).to_bytes(4, "little")
    path.write_bytes(content)
    liar, good = items(read(path))
    with pytest.raises(Invalid, match="damaged"):
        liar.media["image"].open()
    assert content_of(good) == PIXEL


@settings(max_examples=200, deadline=None)
@given(changes=st.lists(st.tuples(st.integers(0), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_damaged_archive_is_told_never_raised(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]]
) -> None:
    path = zipped(tmp_path_factory.getbasetemp() / "d.zip", {"a.png": PIXEL, "图/b.png": PIXEL})
    content = bytearray(path.read_bytes())
    for at, value in changes:
        content[at % len(content)] = value
    path.write_bytes(content)
    try:
        for found in sources.read(path, keys=("image",), limits=LIMITS):
            if isinstance(found, Item):
                found.media["image"].open().close()
            else:
                assert found.to_json()
    except Invalid as error:
        assert str(error)


PARTS = st.sampled_from(
    ["..", ".", "", "a", "图", "C:", "~", "nul\x00", "\\", "..\\", "tmp", " ", "a.png", ".png"]
)


@settings(max_examples=200, deadline=None)
@given(names=st.lists(st.lists(PARTS, min_size=1, max_size=6), min_size=1, max_size=6))
def test_no_archive_name_ever_leads_out(
    tmp_path_factory: pytest.TempPathFactory, names: list[list[str]]
) -> None:
    folder = tmp_path_factory.mktemp("zip", numbered=True)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for parts in names:
            entry = zipfile.ZipInfo("x")
            entry.filename = "/".join(parts) + ".png"
            try:
                archive.writestr(entry, PIXEL)
            except (ValueError, UserWarning):
                continue
    path = folder / "a.zip"
    path.write_bytes(out.getvalue())
    for item in items(read(path)):
        name = item.data["image"]
        assert not name.startswith(("/", "\\")) and ":" not in name[:2]
        assert ".." not in name.split("/") and "\\" not in name
        assert (folder / name).resolve().is_relative_to(folder.resolve())
    assert sorted(p.name for p in folder.iterdir()) == ["a.zip"]


LINES = st.one_of(
    st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=4), max_size=3).map(
        lambda row: json.dumps({"t": 1, **row}).encode()
    ),
    st.binary(max_size=12).map(lambda raw: raw.replace(b"\n", b"")),
    st.sampled_from([b'{"t":NaN}', b"null", b'{"t":1', b"  ", b"\r", b"{}", b'{"t":1e999}']),
)


@settings(max_examples=300, deadline=None)
@given(lines=st.lists(LINES, max_size=20), start=st.integers(0, 20))
def test_every_line_is_an_item_or_a_reject_in_order(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], start: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "lines.jsonl"
    lines = [b'{"t":0}', *lines]
    path.write_bytes(b"\n".join(lines))
    found = read(path, "t", media_keys=())
    full = [number for number, line in enumerate(lines, 1) if line.strip()]
    assert places(found) == [f"line {number}" for number in full]
    assert [x.number for x in found] == list(range(1, len(full) + 1))
    rest = read(path, "t", media_keys=(), start_after=start)
    assert [(x.number, type(x)) for x in rest] == [(x.number, type(x)) for x in found][start:]
