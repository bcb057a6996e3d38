"""Hostile and odd files become facts or a plain refusal, in bounded time and memory."""

from __future__ import annotations

import csv
import io
import resource
import struct
import time
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from jinbiao.datasets import media
from jinbiao.datasets.errors import Invalid, TooLarge

HOSTILE = Path(__file__).resolve().parents[3] / "shared" / "samples" / "hostile"
LIMITS = media.MediaLimits()
needs_samples = pytest.mark.skipif(not HOSTILE.is_dir(), reason="the shared samples are not here")

# File → (content type, upright size, needs a display copy), or the words of the refusal.
EXPECTED: dict[str, tuple[str, tuple[int, int], bool] | str] = {
    "images/truncated_50pct.jpg": "damaged or cut off",
    "images/bitflips_in_scan.jpg": "damaged or cut off",
    "images/header_only.jpg": "header is damaged",
    "images/zip_appended.jpg": ("image/jpeg", (1130, 460), True),
    "images/exif_orientation_1.jpg": ("image/jpeg", (480, 195), False),
    "images/exif_orientation_3.jpg": ("image/jpeg", (480, 195), True),
    "images/exif_orientation_6.jpg": ("image/jpeg", (480, 195), True),
    "images/exif_orientation_8.jpg": ("image/jpeg", (480, 195), True),
    "images/deid_gps_owner_exif_thumbnail_face.jpg": ("image/jpeg", (512, 512), False),
    "images/cmyk.jpg": ("image/jpeg", (400, 160), True),
    "images/gray16.tif": ("image/tiff", (180, 120), True),
    "images/gray16.png": ("image/png", (180, 120), True),
    "images/float32.tif": ("image/tiff", (180, 120), True),
    "images/multipage.tif": ("image/tiff", (80, 60), True),
    "images/bigtiff.tif": ("image/tiff", (100, 100), True),
    "images/animated.gif": ("image/gif", (320, 200), True),
    "images/animated.webp": ("image/webp", (320, 200), True),
    "images/palette_transparent.png": ("image/png", (320, 200), False),
    "images/bilevel.png": ("image/png", (320, 200), False),
    "images/one_pixel.png": ("image/png", (1, 1), False),
    "images/extreme_aspect.png": ("image/png", (1, 20000), False),
    "images/bomb_dims.png": "100 megapixels",
    "images/bomb_ihdr_lie.png": "100 megapixels",
    "images/bomb_iccp.png": "damaged or cut off",
    "images/bomb_sof_dims.jpg": "100 megapixels",
    "images/large_but_valid_108mp.jpg": "12000 × 9000; the limit is 100 megapixels",
    "images/text_named.jpg": "the name says image",
    "images/png_named.jpg": ("image/png", (320, 200), False),
    "images/html_named.png": "HTML",
    "images/gif_js_polyglot.gif": ("image/gif", (10799, 1), True),
    "images/zero_byte.jpg": "empty",
    "xss/svg_script.svg": "SVG",
    "xss/svg_onload.svg": "SVG",
    "xss/svg_foreignobject.svg": "SVG",
    "xss/svg_xxe.svg": "SVG",
    "xss/svg_ssrf_image.svg": "SVG",
    "xss/svg_billion_laughs.svg": "SVG",
    "xss/document.html": "HTML",
}
SOUNDS: dict[str, tuple[str, float | None] | str] = {
    "audio/wav_header_claims_4GiB.wav": ("audio/wav", 0.5),
    "audio/wav_no_samples.wav": "no sound",
    "audio/wav_24bit_6ch_96k.wav": ("audio/wav", 0.1),
    "audio/mp3_named.wav": ("audio/mpeg", 0.378875),
    "audio/flac_6h_silence.flac": "the limit is 14400",
}
PILLOW = sorted((HOSTILE / "pillow_tests").glob("*")) if HOSTILE.is_dir() else []


def inspected(path: Path) -> media.MediaFacts:
    with path.open("rb") as stream:
        return media.inspect(stream, path.name, limits=LIMITS)


def copied(content: bytes, name: str = "") -> tuple[media.MediaFacts, Image.Image]:
    facts = media.inspect(io.BytesIO(content), name, limits=LIMITS)
    copy, content_type = media.display_copy(io.BytesIO(content), facts)
    picture = Image.open(io.BytesIO(copy))
    assert picture.get_format_mimetype() == content_type
    return facts, picture


def saved(picture: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@needs_samples
def test_the_table_covers_the_index() -> None:
    with (HOSTILE / "INDEX.csv").open(encoding="utf-8-sig") as rows:
        names = {row["path"] for row in csv.DictReader(rows)}
    wanted = {n for n in names if n.startswith(("images/", "xss/svg", "xss/document", "audio/"))}
    assert wanted == {*EXPECTED, *SOUNDS}


@needs_samples
@pytest.mark.parametrize("name", EXPECTED)
def test_a_hostile_picture_is_described_or_refused(name: str) -> None:
    expected, started, before = EXPECTED[name], time.monotonic(), peak_mb()
    if isinstance(expected, str):
        with pytest.raises(Invalid) as refusal:
            inspected(HOSTILE / name)
        assert expected in str(refusal.value)
    else:
        facts = inspected(HOSTILE / name)
        size = (facts.width, facts.height)
        assert (facts.content_type, size, facts.needs_display_copy) == expected
        assert facts.warnings or not facts.needs_display_copy
    assert time.monotonic() - started < 5
    assert peak_mb() - before < 64


@needs_samples
@pytest.mark.parametrize("name", [n for n, e in EXPECTED.items() if isinstance(e, tuple)])
def test_a_copy_is_upright_eight_bit_and_bare(name: str) -> None:
    content = (HOSTILE / name).read_bytes()
    facts, picture = copied(content, name)
    assert picture.size == (facts.width, facts.height)
    assert picture.mode in ("RGB", "RGBA")
    assert not picture.getexif() and "icc_profile" not in picture.info
    assert "xmp" not in picture.info and "comment" not in picture.info
    small = Image.open(io.BytesIO(media.thumbnail(io.BytesIO(content))))
    assert max(small.size) <= 320
    assert small.get_format_mimetype() == media.THUMBNAIL_TYPE


@needs_samples
@pytest.mark.parametrize("path", PILLOW, ids=lambda path: path.name)
def test_what_once_broke_pillow_breaks_nothing(path: Path) -> None:
    started, before, content = time.monotonic(), peak_mb(), path.read_bytes()
    try:
        facts = media.inspect(io.BytesIO(content), path.name, limits=LIMITS)
    except Invalid as error:
        assert str(error)
    else:
        if facts.kind == "image":
            _facts, picture = copied(content)
            assert picture.size == (facts.width, facts.height)
            media.thumbnail(io.BytesIO(content))
    assert time.monotonic() - started < 5
    assert peak_mb() - before < 64


@needs_samples
@pytest.mark.parametrize("name", SOUNDS)
def test_a_sound_is_named_by_its_content(name: str) -> None:
    expected = SOUNDS[name]
    if isinstance(expected, str):
        with pytest.raises(Invalid, match=expected):
            inspected(HOSTILE / name)
        return
    facts = inspected(HOSTILE / name)
    assert (facts.content_type, facts.kind) == (expected[0], "audio")
    assert facts.seconds == pytest.approx(expected[1]) if expected[1] else facts.seconds is None


@needs_samples
@pytest.mark.parametrize("turn", [3, 6, 8])
def test_a_turned_photograph_has_its_tag_at_the_top_left(turn: int) -> None:
    content = (HOSTILE / f"images/exif_orientation_{turn}.jpg").read_bytes()
    upright = Image.open(HOSTILE / "images/exif_orientation_1.jpg").convert("RGB")
    _facts, picture = copied(content)
    small = Image.open(io.BytesIO(media.thumbnail(io.BytesIO(content), 480)))
    for shown in (picture.convert("RGB"), small.convert("RGB")):
        apart = np.abs(np.asarray(shown, float) - np.asarray(upright, float)).mean()
        assert apart < 8


@needs_samples
def test_payload_lines_stay_plain_text() -> None:
    facts = inspected(HOSTILE / "xss/html_payloads.txt")
    assert (facts.kind, facts.content_type) == ("text", "text/plain; charset=utf-8")
    content = (HOSTILE / "xss/html_payloads.txt").read_bytes()
    with pytest.raises(Invalid):
        media.inspect(io.BytesIO(content), "page", limits=LIMITS)


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_all_orientations_of_all_formats_agree(form: str, turn: int) -> None:
    raw = Image.new("RGB", (64, 32), "white")
    raw.paste("red", (0, 0, 32, 16))
    exif = Image.Exif()
    exif[0x0112] = turn
    facts, picture = copied(saved(raw, form, exif=exif))
    assert picture.size == ((32, 64) if turn >= 5 else (64, 32)) == (facts.width, facts.height)
    assert facts.needs_display_copy or turn == 1
    right, down = turn in (2, 3, 6, 7), turn in (3, 4, 7, 8)
    x = picture.width * 3 // 4 if right else picture.width // 4
    y = picture.height * 3 // 4 if down else picture.height // 4
    red, green, _blue = picture.convert("RGB").getpixel((x, y))
    assert red > 200 and green < 60


def test_cmyk_is_shown_in_its_colours() -> None:
    facts, picture = copied(saved(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG"))
    red, green, blue = picture.getpixel((4, 4))
    assert facts.needs_display_copy and red > 240 and green < 15 and blue < 15


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32])
def test_deep_samples_are_stretched_to_eight_bits(kind: type) -> None:
    ramp = np.tile(np.linspace(1000, 1255, 256), (8, 1)).astype(kind)
    _facts, picture = copied(saved(Image.fromarray(ramp), "TIFF"))
    row = np.asarray(picture.convert("L"))[0].astype(int)
    assert row[0] <= 2 and row[-1] >= 253 and (np.diff(row) >= 0).all()


def test_not_a_number_and_infinity_do_not_spoil_the_window() -> None:
    ramp = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (8, 1))
    ramp[0, :3] = np.nan, np.inf, -np.inf
    _facts, picture = copied(saved(Image.fromarray(ramp), "TIFF"))
    row = np.asarray(picture.convert("L"))[4].astype(int)
    assert row[0] == 0 and row[-1] == 255
    _facts, picture = copied(saved(Image.fromarray(np.full((4, 4), np.nan, np.float32)), "TIFF"))
    assert picture.size == (4, 4)


def test_transparency_survives_and_secrets_do_not() -> None:
    exif = Image.Exif()
    exif[0x010E] = "secret place"
    content = saved(Image.new("RGBA", (8, 8), (1, 2, 3, 0)), "PNG", exif=exif)
    facts = media.inspect(io.BytesIO(content), limits=LIMITS)
    copy, content_type = media.display_copy(io.BytesIO(content), facts)
    assert content_type == "image/png" and b"secret" not in copy
    assert Image.open(io.BytesIO(copy)).getpixel((0, 0))[3] == 0


def test_a_huge_webp_canvas_is_refused_before_it_is_allocated() -> None:
    canvas = b"\x02\0\0\0" + (16_000).to_bytes(3, "little") * 2
    body = b"WEBP" + b"VP8X" + struct.pack("<I", 10) + canvas
    content = b"RIFF" + struct.pack("<I", len(body)) + body
    with pytest.raises(TooLarge, match="100 megapixels"):
        media.inspect(io.BytesIO(content), limits=LIMITS)


def test_a_variant_that_is_slow_to_decode_has_a_lower_limit() -> None:
    ordinary = b"P5 6000 4000 255\n" + bytes(24_000_000)
    assert media.inspect(io.BytesIO(ordinary), limits=LIMITS).width == 6000
    with pytest.raises(TooLarge, match="12 megapixels"):
        media.inspect(io.BytesIO(b"P5 6000 4000 77\n" + bytes(24_000_000)), limits=LIMITS)
    _facts, picture = copied(b"P5 60 40 77\n" + bytes(2400))
    assert picture.size == (60, 40)


def test_a_circle_of_tiff_pages_ends() -> None:
    content = bytearray(saved(Image.new("L", (4, 4)), "TIFF"))
    (first,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, first)
    struct.pack_into("<I", content, first + 2 + 12 * count, first)
    with pytest.raises(Invalid, match="circle"):
        media.inspect(io.BytesIO(bytes(content)), limits=LIMITS)


def test_a_jpeg_of_too_many_scans_is_refused() -> None:
    content = saved(Image.new("L", (8, 8)), "JPEG", progressive=True)
    scan = content[content.index(b"\xff\xda") : -2]
    with pytest.raises(TooLarge, match="scans"):
        media.inspect(io.BytesIO(content[:-2] + scan * 300 + b"\xff\xd9"), limits=LIMITS)


def test_many_comments_before_markup_take_no_time() -> None:
    started = time.monotonic()
    with pytest.raises(Invalid):
        media.inspect(io.BytesIO(b"<!---->" * 5000 + b"x"), "a.png", limits=LIMITS)
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_chinese_text_is_read_in_any_usual_encoding(encoding: str) -> None:
    content = "轴承磨损，建议更换。\n".encode(encoding)
    facts = media.inspect(io.BytesIO(content), "记录.txt", limits=LIMITS)
    copy, content_type = media.display_copy(io.BytesIO(content), facts)
    assert copy.decode() == "轴承磨损，建议更换。\n"
    assert facts.kind == "text" and content_type == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    "content", [b"text with \x00 inside", "半\x00".encode("utf-16"), b"\xff\xfe\x00"]
)
def test_text_with_nul_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid):
        media.inspect(io.BytesIO(content), "a.txt", limits=LIMITS)


@pytest.mark.parametrize(
    ("head", "content_type"),
    [
        (b"OggS\x00\x02", "audio/ogg"),
        (b"ID3\x04\x00", "audio/mpeg"),
        (b"\x00\x00\x00\x20ftypisom", "video/mp4"),
        (b"\x00\x00\x00\x20ftypM4A ", "audio/mp4"),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm", "video/webm"),
        (b"%PDF-1.7\n", "application/pdf"),
    ],
)
def test_magic_numbers(head: bytes, content_type: str) -> None:
    assert media.inspect(io.BytesIO(head.ljust(64)), limits=LIMITS).content_type == content_type


def test_a_wave_file_has_its_length() -> None:
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(b"\0\0" * 4000)
    assert media.inspect(out, "a.wav", limits=LIMITS).seconds == pytest.approx(0.5)


def test_limits_are_stated() -> None:
    content = saved(Image.new("L", (1500, 1000)), "PNG")
    with pytest.raises(TooLarge, match="the limit is 1 megapixels"):
        media.inspect(io.BytesIO(content), limits=media.MediaLimits(megapixels=1))
    with pytest.raises(TooLarge, match="MB"):
        media.inspect(io.BytesIO(content), limits=media.MediaLimits(image_bytes=100))


@settings(max_examples=150, deadline=None)
@given(
    form=st.sampled_from(["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "PPM", "JPEG2000"]),
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=8),
    keep=st.floats(0, 1),
)
def test_damage_is_told_never_raised(
    form: str, changes: list[tuple[int, int]], keep: float
) -> None:
    content = bytearray(saved(Image.linear_gradient("L").convert("RGB").resize((40, 30)), form))
    for at, value in changes:
        content[at % len(content)] = value
    damaged = bytes(content[: int(len(content) * keep)])
    try:
        facts = media.inspect(io.BytesIO(damaged), limits=LIMITS)
        if facts.kind == "image":
            media.display_copy(io.BytesIO(damaged), facts)
            media.thumbnail(io.BytesIO(damaged))
    except Invalid as error:
        assert str(error)
