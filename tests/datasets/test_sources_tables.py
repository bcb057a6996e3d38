"""Tables inside folders and archives become tasks where a task has words."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import openpyxl
import pytest

from jinbiao.datasets.sources import Item, Reject
from jinbiao.tests.datasets.test_sources import (
    LIMITS,
    PIXEL,
    content_of,
    items,
    places,
    read,
    reasons,
    zipped,
)

TABLES = {
    "一月/来电.csv": "text,号\n漏水,007\n停电,8\n".encode("gb18030"),
    "二月.tsv": "text\t号\n噪声\t9\n".encode(),
    "说明.txt": "不是表格".encode(),
}
ROWS = [
    ("一月/来电.csv: line 2", "漏水"),
    ("一月/来电.csv: line 3", "停电"),
    ("二月.tsv: line 2", "噪声"),
]


def unpacked(tmp_path: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(content)
    return tmp_path / "in"


def texts(path: Path, **options: object) -> list[Item | Reject]:
    return read(path, "text", media_keys=(), **options)


@pytest.mark.parametrize("packed", [True, False])
def test_rows_of_all_tables_are_tasks(tmp_path: Path, packed: bool) -> None:
    path = zipped(tmp_path / "in.zip", TABLES) if packed else unpacked(tmp_path, TABLES)
    skipped: Counter[str] = Counter()
    found = items(texts(path, skipped=skipped))
    rows = sorted((each.place, each.data["text"]) for each in found if not each.media)
    assert rows == sorted(ROWS)
    assert {each.data.get("号") for each in found if not each.media} == {"007", "8", "9"}
    assert skipped["other files"] == 0
    assert sorted(each.number for each in found) == list(range(1, len(found) + 1))


def test_an_interrupted_import_goes_on_behind_the_last_row(tmp_path: Path) -> None:
    path = zipped(tmp_path / "in.zip", TABLES)
    whole = texts(path)
    for number in range(len(whole) + 1):
        assert places(texts(path, start_after=number)) == places(whole)[number:]


def test_a_table_that_makes_no_sense_costs_no_other_file(tmp_path: Path) -> None:
    broken = {
        "a.csv": b"text,text\n1,2\n",
        "b.csv": b"text\n\n",
        "c.xlsx": b"PK\x03\x04",
        "d.csv": b"",
    }
    path = zipped(tmp_path / "in.zip", broken | {"z.csv": "text,n\n好,1\n坏\n".encode()})
    found = texts(path)
    assert [each.data["text"] for each in items(found)] == ["好"]
    assert sorted(each.place for each in found if isinstance(each, Reject)) == [
        "a.csv", "c.xlsx", "d.csv", "z.csv: line 3"
    ]  # fmt: skip
    assert "line 3 has 1 columns, the first line has 2" in reasons(found)


def test_a_workbook_inside_an_archive_is_read(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["text"])
    book.active.append(["一行"])
    book.save(tmp_path / "book.xlsx")
    path = zipped(tmp_path / "in.zip", {"book.xlsx": (tmp_path / "book.xlsx").read_bytes()})
    assert [each.data for each in items(texts(path))] == [{"text": "一行"}]


def test_a_table_names_files_that_lie_beside_it(tmp_path: Path) -> None:
    files = {"甲/列表.csv": "image,text\na.png,划痕\n../b.png,外面\n".encode(), "甲/a.png": PIXEL}
    path = zipped(tmp_path / "in.zip", files | {"b.png": PIXEL})
    found = read(path, "image", "text", media_keys=("image",))
    (item,) = items(found)
    assert (item.data["text"], content_of(item)) == ("划痕", PIXEL)
    (reason,) = reasons(found)
    assert reason.startswith("image: only files beside the list are accepted")


def test_tables_beside_pictures_are_no_tasks_where_a_task_has_no_words(tmp_path: Path) -> None:
    skipped: Counter[str] = Counter()
    path = zipped(tmp_path / "in.zip", {"a.png": PIXEL, "a.csv": b"image\na.png\n"})
    assert places(read(path, skipped=skipped)) == ["a.png"]
    assert skipped == {"other files": 1}


def said(path: Path, **options: object) -> list[Item | Reject]:
    return texts(path, word_keys=("text",), **options)


def test_a_text_file_is_read_where_a_task_shows_its_words(tmp_path: Path) -> None:
    files = {
        "甲/一.txt": "第一行\r\n第二行\n".encode("gb18030"),
        "甲/二.txt": "\ufeff标记".encode("utf-16"),
        "空.txt": b" \n",
        "坏.txt": "好的\n".encode() * 50 + b"\xff\xfe\n",
        "零.txt": b"a\x00b" * 9,
        "长.txt": b"a" * (LIMITS.task_bytes + 1),
    }
    path = zipped(tmp_path / "in.zip", files)
    found = said(path)
    assert {each.place: each.data for each in items(found)} == {
        "甲/一.txt": {"text": "第一行\n第二行\n"},
        "甲/二.txt": {"text": "标记"},
    }
    assert all(not each.media and each.group == "甲" for each in items(found))
    told = {each.place: str(each.reason) for each in found if isinstance(each, Reject)}
    assert told == {
        "空.txt": "the file is empty",
        "坏.txt": "the file holds bytes that are no text",
        "零.txt": "a text holds a NUL character",
        "长.txt": f"it is larger than {LIMITS.task_bytes / 1024**2} MB",
    }
    # One file is read like one in a folder; where the config shows a file, it is linked.
    (tmp_path / "页.md").write_text("# 题")
    (one,) = items(said(tmp_path / "页.md"))
    assert one.data == {"text": "# 题"} and not one.media
    (linked,) = items(texts(tmp_path / "页.md"))
    assert linked.data == {"text": "页.md"} and list(linked.media) == ["text"]
