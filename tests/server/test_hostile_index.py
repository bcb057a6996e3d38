"""Drive every file of the hostile samples' INDEX.csv through a real door, by name.

What happens is what INDEX.csv calls safe; a new line there without a case here fails.
"""

from __future__ import annotations

import csv
import io
import json
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from PIL import Image

from jinbiao.datasets.tasks import Media
from jinbiao.tests.server.test_labelled import brought, spans
from jinbiao.tests.server.world import BOXES, TEXTS, World, picture, zipped

ROOT = Path(__file__).resolve().parents[3] / "shared" / "samples" / "hostile"
SOUNDS = (
    '<View><Audio name="a" value="$audio"/><Choices name="c" toName="a">'
    '<Choice value="x"/></Choices></View>'
)
HYPER = (
    '<View><HyperText name="t" value="$html"/><Choices name="c" toName="t">'
    '<Choice value="x"/></Choices></View>'
)
SECONDS = 20.0
MEGABYTES = 300  # that one file may add to the process's largest size

Task = dict[str, Any]


def shows(*keys: str) -> str:
    """Return a config that shows texts of these keys."""
    listed = "".join(f'<Text name="t{n}" value="${key}"/>' for n, key in enumerate(keys))
    return f'<View>{listed}<Choices name="c" toName="t0"><Choice value="x"/></Choices></View>'


@dataclass(frozen=True)
class Came:
    """What became of one file."""

    world: World
    state: str
    error: str
    notes: list[str]
    skipped: dict[str, int]
    tasks: list[Task]
    rejects: list[dict[str, Any]]

    @property
    def reasons(self) -> str:
        """Return all reasons as one text."""
        return "\n".join(f"{each['place']}: {each['reason']}" for each in self.rejects)

    def medium(self, key: str = "image") -> tuple[bytes, str]:
        """Return what a browser gets for the only task's medium, and its type."""
        (task,) = self.tasks
        sent = self.world.get("requester", task["data"][key])
        assert sent.status_code == 200
        assert sent.headers["X-Content-Type-Options"] == "nosniff"
        return sent.data, sent.mimetype


Check = Callable[[Came], None]


@dataclass(frozen=True)
class Case:
    """Say through which door a file goes and what is safe; `None` counts are not asked for."""

    config: str = BOXES
    tasks: int | None = 0
    rejected: int | None = 0
    reason: str = ""  # stands in the rejects
    error: str = ""  # stands in why the whole import failed
    check: Check | None = None
    wrapped: Callable[[bytes], tuple[str, bytes]] | None = None
    asked: tuple[tuple[str, str], ...] = ()


def kept(config: str = BOXES, check: Check | None = None) -> Case:
    """Expect one task and no reject."""
    return Case(config, 1, 0, check=check)


def refused(reason: str, config: str = BOXES) -> Case:
    """Expect one reject with this in its reason, and no task."""
    return Case(config, 0, 1, reason)


def failed(error: str, config: str = BOXES) -> Case:
    """Expect that the import as a whole is refused with this reason."""
    return Case(config, 0, 0, error=error)


def size(wide: int, high: int) -> Check:
    """Expect a picture that a browser shows, of this upright size."""

    def check(came: Came) -> None:
        content, content_type = came.medium()
        assert content_type in ("image/jpeg", "image/png", "image/webp", "image/gif")
        digest = came.tasks[0]["data"]["image"].split("/")[4].partition("-")[0]
        with came.world.installation.database.read() as session:
            row = session.get_one(Media, digest)
        assert (row.width, row.height) == (wide, high)
        with Image.open(io.BytesIO(content)) as shown:
            assert shown.getexif().get(274, 1) == 1 or row.display_digest is None
            turned = shown.getexif().get(274, 1) > 4
            assert (shown.size[::-1] if turned else shown.size) == (wide, high)

    return check


def typed(*content_types: str, key: str = "image") -> Check:
    """Expect that the medium is sent as one of these types."""

    def check(came: Came) -> None:
        assert came.medium(key)[1] in content_types

    return check


def words(**wanted: str) -> Check:
    """Expect that the first task's data are these words."""

    def check(came: Came) -> None:
        assert {key: came.tasks[0]["data"][key] for key in wanted} == wanted

    return check


def noted(*words: str) -> Check:
    """Expect these words among what the job says it recognised."""

    def check(came: Came) -> None:
        assert all(word in "\n".join(came.notes) for word in words), came.notes

    return check


def both(*checks: Check) -> Check:
    """Expect all of it."""

    def check(came: Came) -> None:
        for each in checks:
            each(came)

    return check


def named(end: str) -> Check:
    """Expect that the only task's medium is called so."""

    def check(came: Came) -> None:
        (task,) = came.tasks
        assert unquote(task["data"]["image"]).endswith(end)

    return check


def skipped(**wanted: int) -> Check:
    """Expect what was passed over, counted by its kind."""

    def check(came: Came) -> None:
        assert came.skipped == {name.replace("_", " "): n for name, n in wanted.items()}

    return check


def nowhere_on_pages(came: Came) -> None:
    """Expect that nothing of it is markup on a page."""
    project = came.tasks[0]["project"]
    for path in (f"/projects/{project}/tasks", *(f"/tasks/{t['id']}" for t in came.tasks)):
        page = came.world.get("requester", path)
        assert page.status_code == 200
        for text in ("<script>alert", "<img src=x", "<svg onload", "<svg/onload"):
            assert text not in page.text, (path, text)


def all_told(came: Came) -> None:
    """Expect that the reject names every kind of fault, not the first only."""
    (reject,) = came.rejects
    parts = {each["part"].rpartition("]")[2] for each in reject["problems"]}
    assert {".value.x", ".value.width", ".id", ".from_name"} <= parts, parts
    assert len(reject["problems"]) >= 8


def offsets_told(came: Came) -> None:
    """Expect that reversed, empty, negative and too far spans are told; the others are right."""
    (reject,) = came.rejects
    text = " ".join(each["message"] for each in reject["problems"])
    for words_ in ("must be greater than start", "must be a whole number", "lies past the end"):
        assert words_ in text


def with_file(name: str) -> Callable[[bytes], tuple[str, bytes]]:
    """Put a label file into a ZIP beside a picture of 100 × 100 pixels."""

    def wrap(content: bytes) -> tuple[str, bytes]:
        files = {name: content, "a.jpg": picture(size=(100, 100))}
        yolo = ROOT / "formats" / "yolo_bad"
        if name.startswith("labels/"):
            files["classes.txt"] = (yolo / "classes.txt").read_bytes()
        if name == "classes.txt":
            files["labels/a.txt"] = b"0 0.5 0.5 0.2 0.2\n1 0.2 0.2 0.1 0.1\n3 0.8 0.8 0.1 0.1\n"
        return "labels.zip", zipped(files)

    return wrap


def listed(content: bytes) -> tuple[str, bytes]:
    """Put a task list into a ZIP, with the picture that it names."""
    text = content.decode().replace('"/a.jpg"', '"a.jpg"')
    return "tasks.zip", zipped({"tasks.json": text.encode(), "a.jpg": picture(size=(64, 64))})


def indices_are_right(came: Came) -> None:
    """Expect that a blank and a repeated name leave the numbers of the others alone."""
    (task,) = came.tasks
    (made,) = task["annotations"]
    found = [region["value"]["rectanglelabels"] for region in made["result"]]
    assert found == [["划痕"], ["凹坑"], ["划痕"]]


def one_box(came: Came) -> None:
    """Expect one task with one box."""
    (task,) = came.tasks
    (made,) = task["annotations"]
    assert len(made["result"]) == 1


BOXES_OF = (
    '<View><Image name="image" value="$image"/><RectangleLabels name="label" toName="image">'
    '<Label value="划痕"/><Label value="凹坑"/><Label value="a"/><Label value="b"/>'
    "</RectangleLabels></View>"
)
DEFECT = BOXES_OF.replace("划痕", "Defect")
OFFSETS = spans("故障").replace('name="label"', 'name="l"')
AREAS = shows("code", "name", "provinceCode")
SVG = refused("SVG can hold scripts")
TWO = Case(TEXTS, 2, 0)
CASES: dict[str, Case] = {
    "images/truncated_50pct.jpg": refused("damaged or cut off"),
    "images/bitflips_in_scan.jpg": refused("damaged or cut off"),
    "images/header_only.jpg": refused("header is damaged or cut off"),
    "images/zip_appended.jpg": kept(check=typed("image/jpeg")),
    "images/exif_orientation_1.jpg": kept(check=size(480, 195)),
    "images/exif_orientation_3.jpg": kept(check=size(480, 195)),
    "images/exif_orientation_6.jpg": kept(check=size(480, 195)),
    "images/exif_orientation_8.jpg": kept(check=size(480, 195)),
    # Nothing of it is taken away here: the picture's cleaning does that, on request.
    "images/deid_gps_owner_exif_thumbnail_face.jpg": kept(check=typed("image/jpeg")),
    "images/cmyk.jpg": kept(check=typed("image/jpeg", "image/webp", "image/png")),
    "images/gray16.tif": kept(check=typed("image/png", "image/jpeg", "image/webp")),
    "images/gray16.png": kept(check=typed("image/png", "image/jpeg", "image/webp")),
    "images/float32.tif": kept(check=typed("image/png", "image/jpeg", "image/webp")),
    "images/multipage.tif": kept(check=typed("image/png", "image/jpeg", "image/webp")),
    "images/bigtiff.tif": kept(check=typed("image/png", "image/jpeg", "image/webp")),
    "images/animated.gif": kept(check=typed("image/gif", "image/png", "image/webp")),
    "images/animated.webp": kept(check=typed("image/webp", "image/png")),
    "images/palette_transparent.png": kept(check=typed("image/png")),
    "images/bilevel.png": kept(check=typed("image/png")),
    "images/one_pixel.png": kept(check=size(1, 1)),
    "images/extreme_aspect.png": kept(check=typed("image/png", "image/webp")),
    "images/bomb_dims.png": refused("megapixels"),
    "images/bomb_ihdr_lie.png": refused("megapixels"),
    "images/bomb_iccp.png": refused("damaged or cut off"),
    "images/bomb_sof_dims.jpg": refused("megapixels"),
    "images/large_but_valid_108mp.jpg": refused("the limit is 100 megapixels"),
    "images/text_named.jpg": refused("the content is not"),
    "images/png_named.jpg": kept(check=typed("image/png")),
    "images/html_named.png": refused("HTML or XML"),
    "images/gif_js_polyglot.gif": kept(check=typed("image/gif", "image/png")),
    "images/zero_byte.jpg": refused("the file is empty"),
    "xss/svg_script.svg": SVG,
    "xss/svg_onload.svg": SVG,
    "xss/svg_foreignobject.svg": SVG,
    "xss/svg_xxe.svg": SVG,
    "xss/svg_ssrf_image.svg": SVG,
    "xss/svg_billion_laughs.svg": SVG,
    "xss/html_payloads.txt": Case(TEXTS, 15, 0, check=nowhere_on_pages),
    "xss/document.html": failed("document.html", HYPER),
    "archives/zip_slip_unix.zip": Case(BOXES, 1, 2, "leads out of its folder"),
    "archives/zip_slip_windows.zip": Case(BOXES, 1, 2, "absolute path"),
    "archives/zip_symlink.zip": Case(BOXES, 0, 3, "symbolic link"),
    "archives/zip_bomb_flat_1GiB.zip": failed("GB"),
    "archives/zip_bomb_nested.zip": Case(BOXES, 0, 0, check=skipped(archives_inside=16)),
    "archives/zip_many_entries.zip": Case(BOXES, 0, 0, check=skipped(other_files=4000)),
    "archives/zip_gbk_names_no_utf8_flag.zip": kept(check=named("图片一.png")),
    "archives/zip_duplicate_names.zip": Case(BOXES, 1, 2, "an earlier entry has the same name"),
    "archives/zip_junk_files.zip": kept(check=skipped(system_files=5)),
    "archives/zip_truncated.zip": failed("ZIP"),
    "archives/zip_with_prefix.zip": kept(check=typed("image/png")),
    "archives/tar_traversal.tar": failed("ZIP"),
    "archives/gzip_bomb_400MiB.csv.gz": failed("ZIP"),
    "tables/utf8_bom.csv": Case(AREAS, 59, 0, check=words(code="1101", name="市辖区")),
    "tables/gbk.csv": Case(
        AREAS, 59, 0, check=both(words(code="1101", name="市辖区"), noted("gb18030"))
    ),
    "tables/utf16le_bom.csv": Case(
        AREAS, 59, 0, check=both(words(code="1101", name="市辖区"), noted("utf-16"))
    ),
    "tables/ragged_rows.csv": Case(
        TEXTS, 2, 3, "line 3 has 2 columns", check=words(id="1", text="正常", label="合格")
    ),
    "tables/formula_injection.csv": Case(TEXTS, 7, 0, check=words(id="1", text="=1+1")),
    "tables/numbers_and_ids.csv": Case(
        shows("工号", "身份证号", "金额", "编码", "日期"),
        4,
        0,
        check=words(工号="00123", 身份证号="11010519491231002X", 金额="1,234.50", 编码="1e5"),
    ),
    "tables/headers_bad.csv": failed("列"),
    "tables/nul_and_controls.csv": Case(TEXTS, 3, 2, "NUL"),
    "tables/header_only.csv": Case(TEXTS, 0, 0),
    "tables/formulas_merged_hidden.xlsx": Case(
        TEXTS, 0, 3, "has no stored value", check=noted("the sheet 数据 is read", "隐藏")
    ),
    "tables/xxe.xlsx": failed("DOCTYPE", TEXTS),
    "json/bad_lines.jsonl": Case(TEXTS, 5, 16, "line 2: this is not JSON"),
    "json/bom.jsonl": TWO,
    "json/array_named_jsonl.jsonl": TWO,
    "json/deep_nesting.json": refused("nested too deeply", TEXTS),
    "label_studio/tasks_ssrf_and_paths.json": Case(BOXES, 0, 14, "address is not accepted"),
    "label_studio/annotations_bad_geometry.json": Case(
        DEFECT, 0, 1, check=all_told, wrapped=listed
    ),
    "label_studio/text_offsets.json": Case(OFFSETS, 0, 1, check=offsets_told),
    "label_studio/xss_everywhere.json": refused("no control", TEXTS),
    "label_configs/xxe.xml": Case(),
    "label_configs/billion_laughs.xml": Case(),
    "label_configs/malformed.xml": Case(),
    "label_configs/script.xml": Case(),
    "label_configs/dup_names.xml": Case(),
    "formats/coco_bad.json": Case(
        BOXES_OF, 1, 11, "there is no image 99", check=one_box, wrapped=with_file("coco.json")
    ),
    "formats/yolo_bad/classes.txt": Case(
        BOXES_OF, 1, 0, check=indices_are_right, wrapped=with_file("classes.txt")
    ),
    "formats/yolo_bad/labels/a.txt": Case(
        BOXES_OF, 1, 10, "line 2: class: there is no class 7", wrapped=with_file("labels/a.txt")
    ),
    "formats/voc_bad.xml": Case(
        BOXES_OF, 1, 5, "the far corner lies before the near one", wrapped=with_file("a.xml")
    ),
    "formats/voc_xxe.xml": Case(
        BOXES_OF,
        1,
        1,
        "DOCTYPE",
        wrapped=with_file("a.xml"),
        asked=(("format", "voc"),),
    ),
    "audio/wav_header_claims_4GiB.wav": kept(SOUNDS, typed("audio/wav", key="audio")),
    "audio/wav_no_samples.wav": refused("the file holds no sound", SOUNDS),
    "audio/wav_24bit_6ch_96k.wav": kept(SOUNDS, typed("audio/wav", key="audio")),
    "audio/mp3_named.wav": kept(SOUNDS, typed("audio/mpeg", key="audio")),
    "audio/flac_6h_silence.flac": refused("the limit is 14400", SOUNDS),
}


def index() -> list[str]:
    """List the files that INDEX.csv names; none where the samples are not here."""
    if not (ROOT / "INDEX.csv").is_file():
        return []
    with (ROOT / "INDEX.csv").open(encoding="utf-8", newline="") as stream:
        return [row["path"] for row in csv.DictReader(stream)]


def test_every_line_of_the_index_has_a_case(samples: Path) -> None:
    assert set(index()) == set(CASES)


@pytest.mark.parametrize("path", list(CASES))
def test_a_file_of_the_index_is_safe(shared_world: World, samples: Path, path: str) -> None:
    content = (samples / "hostile" / path).read_bytes()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    if path.startswith("label_configs/"):
        refused_config(shared_world, content)
    else:
        imported(shared_world, CASES[path], Path(path).name, content)
    assert time.process_time() - began < SECONDS
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < MEGABYTES * 1024
    assert not list((shared_world.installation.settings.home / "spool").glob("*"))
    assert not any(Path("/tmp", name).exists() for name in ("pwned", "pwned_unix.txt"))


def imported(world: World, case: Case, name: str, content: bytes) -> None:
    """Upload one file as it is, or in its ZIP, and compare what became of it."""
    if case.wrapped is not None:
        name, content = case.wrapped(content)
    came = arrived(world, case, name, content)
    if case.error:
        assert came.state == "failed" and case.error in came.error, came.error
        assert came.tasks == []
        return
    assert came.state == "done", came.error
    assert (len(came.tasks), len(came.rejects)) == (case.tasks, case.rejected), came.reasons
    assert case.reason in came.reasons
    assert all(each["place"] and each["reason"] for each in came.rejects)
    if case.check is not None:
        case.check(came)


def arrived(world: World, case: Case, name: str, content: bytes) -> Came:
    """Import one file through the API as a job, done in this process."""
    job, tasks, rejects = brought(
        world, case.config, name, content, failing=True, **dict(case.asked)
    )
    result = job["result"] or {}
    return Came(
        world,
        job["state"],
        job["error"] or "",
        [note["message"] % note["values"] for note in result.get("notes", [])],
        result.get("skipped", {}),
        tasks,
        rejects,
    )


def refused_config(world: World, content: bytes) -> None:
    """Offer a config; it is refused with its reason, and nothing of a file comes back."""
    asked = {"title": "x", "label_config": content.decode("utf-8", errors="replace")}
    answer = world.post("requester", "/api/projects/", asked)
    assert answer.status_code == 400
    told = json.dumps(answer.json, ensure_ascii=False)
    assert answer.json["validation_errors"]["label_config"] and "root:" not in told
