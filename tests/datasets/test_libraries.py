"""Libraries keep what came as it came: checked, written once, found by those who may."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from jinbiao.datasets import errors, libraries, media, sources
from jinbiao.datasets.collection import ImportReject
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.libraries import Asset, AssetDraft, AssetState, Library, PreparedAsset
from jinbiao.datasets.people import Role
from jinbiao.tests import factories
from jinbiao.tests.factories import picture
from jinbiao.tests.server.world import zipped

LIMITS = sources.SourceLimits()


def made(installation: Installation, **values: Any) -> tuple[Any, Library]:
    """Return somebody who keeps material, and a library of theirs."""
    with installation.database.write() as session:
        keeper = factories.person(session, Role.REQUESTER)
        library = libraries.create(session, keeper, **{"title": "原始语料", **values})
    return keeper, library


def brought(
    installation: Installation, library: Library, path: Path, **options: Any
) -> tuple[list[PreparedAsset], list[sources.Reject]]:
    """Return what a path gives, as the job would write it."""
    good, bad = [], []
    known: dict[str, dict[str, Any]] = {}
    for draft in libraries.expand(path, library=library, limits=LIMITS, **options):
        found = (
            draft
            if isinstance(draft, sources.Reject)
            else libraries.prepare(installation.store, draft, media.MediaLimits(), known)
        )
        (bad if isinstance(found, sources.Reject) else good).append(found)
    return good, bad  # type: ignore[return-value]


def texts(*contents: str, start: int = 1) -> list[PreparedAsset]:
    """Return prepared texts."""
    return [
        PreparedAsset(
            number,
            "text",
            f"line {number}",
            text,
            hashlib.sha256(text.encode()).hexdigest(),
            len(text.encode()),
            None,
            "{}",
            f"key {number}",
        )
        for number, text in enumerate(contents, start)
    ]


def test_a_batch_that_comes_again_adds_nothing_and_totals_stay_true(
    installation: Installation,
) -> None:
    keeper, library = made(installation)
    batch = texts("天津", "滨海", "武清")
    reject = sources.Reject(4, "line 4", errors.Problem("", "the text is empty"))
    for part in (batch[:2], batch, batch):
        with installation.database.write() as session:
            row = libraries.get(session, keeper, library.id, "library.change")
            libraries.write(session, keeper, row, "import-1", part, [reject])
    with installation.database.read() as session:
        row = session.get_one(Library, library.id)
        assert (row.assets, row.size) == (3, sum(each.size for each in batch))
        assert list(session.scalars(sa.select(Asset.text).order_by(Asset.id))) == [
            "天津",
            "滨海",
            "武清",
        ]
        assert session.scalar(sa.select(sa.func.count()).select_from(ImportReject)) == 1


def test_written_ids_are_those_of_the_new_ones_in_order(installation: Installation) -> None:
    keeper, library = made(installation)
    with installation.database.write() as session:
        first = libraries.write(session, keeper, library, "a", texts("一", "二"))
        again = libraries.write(session, keeper, library, "a", texts("一", "二", "三"))
        rows = {row.id: row.row for row in session.scalars(sa.select(Asset))}
    assert [rows[number] for number in first] == [1, 2]
    assert [rows[number] for number in again] == [3]


def test_what_a_feed_lost_is_withdrawn_once_and_only_its_own(installation: Installation) -> None:
    keeper, library = made(installation)
    with installation.database.write() as session:
        libraries.write(session, keeper, library, "a", texts("一", "二", "三"), feed_id=7)
        libraries.write(session, keeper, library, "b", texts("一", "二", "三"), feed_id=8)
        keys = ["key 1", "key 3", "key 9"]
        assert libraries.withdraw(session, library, 7, keys) == 2
        assert libraries.withdraw(session, library, 7, keys) == 0
    with installation.database.read() as session:
        row = session.get_one(Library, library.id)
        held = sa.select(Asset.feed_id, Asset.row).where(Asset.state == AssetState.HELD)
        assert sorted(map(tuple, session.execute(held))) == [(7, 2), (8, 1), (8, 2), (8, 3)]
        assert (row.assets, row.size) == (4, 12)


def test_nothing_comes_into_a_library_that_was_removed(installation: Installation) -> None:
    keeper, library = made(installation)
    with installation.database.write() as session:
        row = libraries.get(session, keeper, library.id, "library.change")
        libraries.remove(session, keeper, row)
    with installation.database.write() as session, pytest.raises(errors.NotFound):
        libraries.write(session, keeper, library, "a", texts("一"))
    with installation.database.read() as session, pytest.raises(errors.NotFound):
        libraries.get(session, keeper, library.id, "library.read")


def test_another_organisation_finds_nothing(installation: Installation) -> None:
    keeper, library = made(installation)
    with installation.database.write() as session:
        stranger = factories.person(session, Role.REQUESTER)
        admin = factories.person(session, Role.PLATFORM_ADMIN)
        colleague = factories.person(session, Role.ANNOTATOR, keeper.organisation)
        with pytest.raises(errors.NotFound):
            libraries.get(session, stranger, library.id, "library.read")
        with pytest.raises(errors.Forbidden):
            libraries.get(session, colleague, library.id, "library.read")
        assert libraries.get(session, admin, library.id, "library.read").id == library.id
        assert libraries.listing(session, stranger) == []
        assert [row.id for row in libraries.listing(session, keeper)] == [library.id]


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"title": " "}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"kind": "smell"}, "kind"),
        ({"level": "secret"}, "level"),
        ({"retention_days": 0}, "retention_days"),
        ({"retention_days": True}, "retention_days"),
        ({"text_key": "a\nb"}, "text_key"),
    ],
)
def test_a_value_that_is_not_usable_is_named(
    installation: Installation, values: dict[str, Any], place: str
) -> None:
    with pytest.raises(errors.Invalid) as told:
        made(installation, **values)
    assert told.value.place == place


def test_rows_become_texts_with_the_other_columns_beside_them(
    installation: Installation, tmp_path: Path
) -> None:
    _keeper, library = made(installation, text_key="正文")
    table = tmp_path / "a.csv"
    table.write_bytes("编号,正文,来源\n7,天津港,港口\n8,,港口\n9,滨海,新区\n".encode("gb18030"))
    good, bad = brought(installation, library, table)
    assert [(each.text, each.facts) for each in good] == [
        ("天津港", '{"编号":"7","来源":"港口"}'),
        ("滨海", '{"编号":"9","来源":"新区"}'),
    ]
    assert [each.number for each in bad] == [2]


def test_a_row_without_the_text_column_says_which_it_has(
    installation: Installation, tmp_path: Path
) -> None:
    _keeper, library = made(installation, kind="text", text_key="正文")
    lines = tmp_path / "a.jsonl"
    lines.write_text('{"正文":"好"}\n{"body":"坏","id":1}\nnot json\n{"正文":5}\n', "utf-8")
    good, bad = brought(installation, library, lines)
    assert [each.text for each in good] == ["好"]
    assert [each.number for each in bad] == [2, 3, 4]
    assert "body, id" in str(bad[0].reason)


def test_a_text_file_is_one_text_or_one_a_line(installation: Installation, tmp_path: Path) -> None:
    _keeper, library = made(installation)
    file = tmp_path / "a.txt"
    file.write_text("第一行\n\n第二行\n", "utf-16")
    good, _bad = brought(installation, library, file)
    assert [each.text for each in good] == ["第一行\n\n第二行\n"]
    assert good[0].facts == '{"encoding":"utf-16"}'
    good, _bad = brought(installation, library, file, each_line=True)
    assert [each.text for each in good] == ["第一行", "第二行"]


def test_one_bad_line_of_a_text_costs_no_other(installation: Installation, tmp_path: Path) -> None:
    _keeper, library = made(installation)
    lines = [f"第{number}行 文字".encode() for number in range(1, 101)]
    lines[2] = b"\xff\xfe bad \xe4"
    lines[9] = b"x" * (1024**2 + 1)
    file = tmp_path / "a.txt"
    file.write_bytes(b"\n".join(lines))
    good, bad = brought(installation, library, file, each_line=True)
    wanted = [line.decode() for number, line in enumerate(lines) if number not in (2, 9)]
    assert [each.text for each in good] == wanted
    assert [each.place for each in bad] == ["a.txt: line 3", "a.txt: line 10"]


def test_a_folder_keeps_its_paths_and_what_cannot_be_read_is_told(
    installation: Installation, tmp_path: Path
) -> None:
    _keeper, library = made(installation)
    folder = tmp_path / "来料"
    (folder / "图").mkdir(parents=True)
    (folder / "图" / "a.png").write_bytes(picture(1))
    (folder / "图" / "b.png").write_bytes(b"<svg onload=alert(1)>")
    (folder / "图" / "c.exe").write_bytes(b"MZ")
    (folder / "a.txt").write_text("天津")
    (folder / "b.jsonl").write_text('{"text":"滨海"}\n')
    (folder / "link.txt").symlink_to("/etc/passwd")
    skipped: Counter[str] = Counter()
    good, bad = brought(installation, library, folder, skipped=skipped)
    assert [(each.kind, each.name) for each in good] == [
        ("text", "a.txt"),
        ("text", "b.jsonl:1"),
        ("image", "图/a.png"),
    ]
    assert sorted(each.place for each in bad) == ["link.txt", "图/b.png"]
    assert skipped == {"other files": 1}
    assert good[2].facts == '{"width":8,"height":8}'
    assert installation.store.read(good[2].digest) == picture(1)


def test_an_archive_is_a_folder_and_an_escaping_name_is_refused(
    installation: Installation, tmp_path: Path
) -> None:
    _keeper, library = made(installation, kind="image")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("一/a.png", picture(1))
        archive.writestr("../b.png", picture(2))
        archive.writestr("a.txt", "no picture")
    path = tmp_path / "spooled"
    path.write_bytes(content.getvalue())
    skipped: Counter[str] = Counter()
    good, bad = brought(installation, library, path, name="a.zip", skipped=skipped)
    assert [each.name for each in good] == ["一/a.png"]
    assert len(bad) == 1 and skipped == {"other files": 1}


def test_archives_that_were_chosen_together_are_all_read(
    installation: Installation, tmp_path: Path
) -> None:
    _keeper, library = made(installation)
    folder = tmp_path / "来料"
    (folder / "深").mkdir(parents=True)
    (folder / "a.txt").write_text("天津")
    inner = zipped({"x.png": picture(9)})
    (folder / "甲.zip").write_bytes(zipped({"一/a.png": picture(1), "b.txt": "滨海".encode()}))
    (folder / "深" / "乙.ZIP").write_bytes(zipped({"a.png": picture(2), "丙.zip": inner}))
    (folder / "坏.zip").write_bytes(zipped({"a.png": picture(3)})[:-30])
    (folder / "旧.rar").write_bytes(b"Rar!")
    skipped: Counter[str] = Counter()
    good, bad = brought(installation, library, folder, skipped=skipped)
    assert [each.name for each in good] == [
        "a.txt",
        "深/乙.ZIP/a.png",
        "甲.zip/b.txt",
        "甲.zip/一/a.png",
    ]
    (damaged,) = bad
    assert damaged.place == "坏.zip" and "cut off or damaged" in damaged.reason.message
    # Neither is opened: one lies inside another, one is no ZIP.
    assert skipped == {"archives inside": 2}
    assert installation.store.read(good[1].digest) == picture(2)


def test_a_library_of_tables_keeps_them_whole(installation: Installation, tmp_path: Path) -> None:
    _keeper, library = made(installation, kind="table")
    table = tmp_path / "a.csv"
    table.write_bytes("温度;振动\n1;2\n3;4\n5\n".encode())
    (good,), _bad = brought(installation, library, table)
    assert good.facts == '{"columns":["温度","振动"],"rows":2,"bad_rows":1}'
    assert installation.store.read(good.digest) == table.read_bytes()
    assert good.media is not None and good.media["extension"] == ".csv"


def test_reading_goes_on_after_a_number_with_the_same_numbers(
    installation: Installation, tmp_path: Path
) -> None:
    _keeper, library = made(installation)
    lines = tmp_path / "a.jsonl"
    lines.write_text("".join(f'{{"text":"{n}"}}\n' for n in range(50)))
    whole = list(libraries.expand(lines, library=library, limits=LIMITS))
    rest = list(libraries.expand(lines, library=library, limits=LIMITS, start_after=30))
    assert rest == whole[30:]
    assert all(isinstance(each, AssetDraft) for each in rest)


@pytest.mark.parametrize("text", ["", " \n", "a\x00b", "\ud800"])
def test_a_text_that_no_database_holds_is_a_reject(installation: Installation, text: str) -> None:
    draft = AssetDraft(1, "line 1", "text", "line 1", text=text)
    found = libraries.prepare(installation.store, draft, media.MediaLimits(), {})
    assert isinstance(found, sources.Reject)


PDF = Path(__file__).resolve().parents[2] / "ui" / "static" / "samples" / "order.pdf"


def pdf(pages: int, side: int = 72) -> bytes:
    """Return a document of empty pages."""
    import pypdfium2

    document = pypdfium2.PdfDocument.new()
    for _number in range(pages):
        document.new_page(side, side).close()
    out = io.BytesIO()
    document.save(out)
    document.close()
    return out.getvalue()


def test_a_pdf_is_kept_whole_and_its_pages_as_pictures(
    installation: Installation, tmp_path: Path
) -> None:
    keeper, library = made(installation)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("单/表.pdf", pdf(3))
        archive.writestr("坏.pdf", b"%PDF-1.7 nothing of the kind")
        archive.writestr("长.pdf", pdf(4))
    path = tmp_path / "a.zip"
    path.write_bytes(content.getvalue())
    limits = sources.SourceLimits(media=media.MediaLimits(pdf_pages=3, pdf_page_pixels=10_000))
    good, bad = [], []
    for draft in libraries.expand(path, library=library, limits=limits):
        found = (
            draft
            if isinstance(draft, sources.Reject)
            else libraries.prepare(installation.store, draft, media.MediaLimits(), {})
        )
        (bad if isinstance(found, sources.Reject) else good).append(found)
    assert [(each.kind, each.name, each.source_key) for each in good] == [
        ("document", "长.pdf", "长.pdf"),
        ("document", "单/表.pdf", "单/表.pdf"),
        *[("image", f"单/表.pdf · {page}", "单/表.pdf") for page in (1, 2, 3)],
    ]
    assert good[1].facts == '{"pages":3}'
    assert good[4].facts == '{"width":100,"height":100,"document":"单/表.pdf","page":3}'
    assert [each.place for each in bad] == ["坏.pdf", "长.pdf"]
    assert "damaged" in str(bad[0].reason) and "limit is 3" in str(bad[1].reason)
    numbers = [each.number for each in (*good, *bad)]
    assert sorted(numbers) == list(range(1, 8))
    rest = list(libraries.expand(path, library=library, limits=limits, start_after=5))
    assert [each.number for each in rest] == [6, 7]
    with installation.database.write() as session:
        libraries.write(session, keeper, library, "pdf", good, bad, feed_id=7)
        assert libraries.withdraw(session, library, 7, ["单/表.pdf"]) == 4


@pytest.mark.parametrize(
    ("kind", "kinds"), [("image", ["image"]), ("document", ["document", "image"]), ("text", None)]
)
def test_a_library_of_one_kind_takes_of_a_pdf_what_it_holds(
    installation: Installation, kind: str, kinds: list[str] | None
) -> None:
    _keeper, library = made(installation, kind=kind)
    if kinds is None:
        with pytest.raises(errors.Invalid):
            brought(installation, library, PDF)
        return
    good, bad = brought(installation, library, PDF)
    assert [each.kind for each in good] == kinds and not bad
