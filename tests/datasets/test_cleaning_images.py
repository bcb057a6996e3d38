"""Cleaning pictures: checks with known answers, nothing said beside them, near duplicates."""

from __future__ import annotations

import io
import itertools
import random
import resource
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageFilter

from jinbiao.datasets.cleaning.operators import OPERATORS, bytes_opener
from jinbiao.datasets.cleaning.operators.image_changes import without_metadata
from jinbiao.datasets.cleaning.operators.image_checks import sharpness
from jinbiao.datasets.cleaning.operators.image_duplicates import groups, perceptual_hash, signature
from jinbiao.datasets.errors import Invalid
from jinbiao.datasets.media import edits, metadata, pictures, signatures
from jinbiao.tests.datasets.cleaning_records import applied, options, record

MARK = b"{&quot;AIGC&quot;:{&quot;Label&quot;:&quot;1&quot;}}"


def scene(seed: int, width: int = 320, height: int = 240) -> Image.Image:
    """Draw something with coarse and fine parts that no other seed has."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    picture = coarse.resize((width, height), Image.Resampling.BICUBIC)
    fine = rng.normal(0, 12, (height, width, 3))
    return Image.fromarray(np.clip(np.asarray(picture) + fine, 0, 255).astype(np.uint8))


def encoded(picture: Image.Image, form: str = "JPEG", **given: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **given)
    return out.getvalue()


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(pictures.upright(io.BytesIO(content)))


def test_sharpness_is_the_variance_of_the_laplacian() -> None:
    # A single white pixel on black: the Laplacian is −4·255 there, 255 at four neighbours.
    point = np.zeros((20, 20), np.uint8)
    point[10, 10] = 255
    assert sharpness(point) == pytest.approx(255**2 * (16 + 4) / 400)
    assert sharpness(np.full((50, 50), 90, np.uint8)) == 0


def test_a_blurred_picture_is_left_out_and_a_sharp_one_is_not() -> None:
    sharp = scene(1, 800, 600)
    blurred = sharp.filter(ImageFilter.GaussianBlur(8))
    found = applied("image.blur", [record(encoded(one), "image") for one in (sharp, blurred)])
    assert [one.reason for one in found] == ["", "blurred"]
    values = [one.facts["sharpness"] for one in found if one.facts]
    assert values[0] > 20 * values[1]


@pytest.mark.parametrize(
    ("tone", "spread", "reason"), [(5, 6, "too_dark"), (250, 9, "too_bright"), (128, 0, "flat")]
)
def test_badly_lit_pictures_are_left_out(tone: int, spread: int, reason: str) -> None:
    rng = np.random.default_rng(0)
    tones = np.clip(tone + spread * rng.choice([-1, 1], (90, 120)), 0, 255).astype(np.uint8)
    content = encoded(Image.fromarray(tones), "PNG")
    [found] = applied("image.exposure", [record(content, "image")], most_bright=0.9)
    assert found.reason == reason
    assert found.facts and found.facts["brightness"] == pytest.approx(tones.mean(), abs=0.1)


def test_a_transparent_drawing_is_judged_as_it_is_seen() -> None:
    drawing = Image.new("RGBA", (200, 100), (0, 0, 0, 0))
    drawing.paste((0, 0, 0, 255), (20, 20, 90, 60))
    [found] = applied("image.exposure", [record(encoded(drawing, "PNG"), "image")])
    assert not found.reason and found.facts
    assert found.facts["dark_share"] == pytest.approx(0.14, abs=0.01)


@pytest.mark.parametrize(
    ("size", "given", "reason"),
    [
        ((63, 200), {}, "too_small"),
        ((64, 64), {}, ""),
        ((2000, 64), {}, "too_long"),
        ((2000, 600), {"most_megapixels": 1.0}, "too_large"),
    ],
)
def test_size_and_proportions(size: tuple[int, int], given: dict[str, float], reason: str) -> None:
    content = encoded(Image.new("RGB", size))
    [found] = applied("image.size", [record(content, "image")], **given)
    assert found.reason == reason
    assert found.facts == {"width": size[0], "height": size[1]}


@pytest.mark.parametrize("turn", [1, 3, 6, 8])
def test_the_turn_of_the_camera_is_applied(samples: Path, turn: int) -> None:
    path = samples / f"hostile/images/exif_orientation_{turn}.jpg"
    [found] = applied("image.upright", [record(path, "image")])
    content = found.content or path.read_bytes()
    assert (found.content is None) == (turn == 1)
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.size == (480, 195)
        assert picture.getexif().get(0x0112, 1) == 1
    assert np.abs(pixels(content).astype(int) - pixels(path.read_bytes())).mean() < 2


def test_nothing_is_said_beside_the_picture_and_no_pixel_changes(samples: Path) -> None:
    path = samples / "hostile/images/deid_gps_owner_exif_thumbnail_face.jpg"
    raw = path.read_bytes()
    [found] = applied("image.metadata", [record(path, "image")])
    assert found.content and found.content_type == "image/jpeg"
    # There is one picture only, no EXIF, and none of its texts.
    assert raw.count(b"\xff\xd8\xff") == 2 and found.content.count(b"\xff\xd8\xff") == 1
    with Image.open(io.BytesIO(raw)) as before, Image.open(io.BytesIO(found.content)) as after:
        said = [str(v) for v in before.getexif().values() if len(str(v)) > 3]
        assert said and before.getexif().get_ifd(0x8825)
        assert not after.getexif() and not {"exif", "xmp", "comment"} & set(after.info)
    for text in (*(each.encode() for each in said), b"Exif", b"<script"):
        assert text not in found.content
    assert np.array_equal(pixels(raw), pixels(found.content))


def test_every_sample_loses_its_metadata_and_keeps_its_picture(samples: Path) -> None:
    folders = ("hostile/images", "hostile/pillow_tests", "images/ocr", "images/elpv/images")
    kept = written_anew = 0
    for path in sorted(p for folder in folders for p in (samples / folder).glob("*"))[::2]:
        raw = path.read_bytes()
        try:
            before = pixels(raw)
        except Invalid:
            continue
        content, _kind = without_metadata(record(path, "image"))
        after = pixels(content)
        form = signatures.recognise(raw[:4096]).pillow
        if form in ("JPEG", "PNG", "GIF", "WEBP"):
            assert np.array_equal(before, after), path.name
            kept += 1
        else:
            assert before.shape[:2] == after.shape[:2], path.name
            written_anew += 1
    assert kept > 60 and written_anew > 8


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_turn_profile_and_the_mark_of_generated_content_stay(form: str) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E], exif[0x013B] = 6, "secret place", "secret owner"
    packet = metadata.mark_packet(MARK).replace(b"<rdf:Desc", b"<secret/><rdf:Desc")
    given: dict[str, object] = {"exif": exif.tobytes()}
    if form == "PNG":
        raw = encoded(scene(3), form, **given)
        chunk = metadata.png_packet(MARK)
        raw = raw[:33] + chunk + raw[33:] + b"secret tail"
    else:
        raw = encoded(scene(3), form, xmp=packet, **given) + b"secret tail"
    bare = metadata.without(raw, form)
    assert b"secret" not in bare and b"secret" in raw
    assert metadata.generated_mark(bare) == MARK
    assert np.array_equal(pixels(bare), pixels(raw))
    assert metadata.without(bare, form) == bare
    # What is written anew keeps the mark too.
    anew, _kind = edits.edited(io.BytesIO(raw), lambda picture: picture)
    assert metadata.generated_mark(anew) == MARK and b"secret" not in anew
    assert pixels(anew).shape == pixels(raw).shape == (320, 240, 3)


def test_frames_of_an_animation_stay(samples: Path) -> None:
    for name in ("animated.gif", "animated.webp"):
        path = samples / "hostile/images" / name
        content, _kind = without_metadata(record(path, "image"))
        with Image.open(path) as before, Image.open(io.BytesIO(content)) as after:
            frames = getattr(before, "n_frames", 1)
            assert getattr(after, "n_frames", 1) == frames > 1


@given(st.binary(max_size=200), st.integers(0, 4000), st.integers(0, 255))
@settings(max_examples=60, deadline=None)
def test_no_bytes_break_the_walk(tail: bytes, place: int, value: int) -> None:
    for form in ("JPEG", "PNG", "GIF", "WEBP"):
        raw = bytearray(encoded(scene(4, 40, 30), form) + tail)
        raw[place % len(raw)] = value
        try:
            bare = metadata.without(bytes(raw), form)
        except Invalid:
            continue
        assert len(bare) <= len(raw) + 64


def test_hostile_pictures_cost_one_record_each_and_no_memory(samples: Path) -> None:
    paths = sorted((samples / "hostile/images").glob("*"))
    paths += sorted((samples / "hostile/xss").glob("*.svg"))
    records = [record(path, "image", number) for number, path in enumerate(paths)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    names = [name for name in OPERATORS if name.startswith("image.") and name != PERSONAL]
    for name in names:
        if OPERATORS[name].apply is not None:
            found = applied(name, records)
            reasons = dict(zip((path.name for path in paths), found, strict=True))
            for hostile in (
                "bomb_dims.png",
                "bomb_sof_dims.jpg",
                "html_named.png",
                "zero_byte.jpg",
            ):
                assert reasons[hostile].reason, (name, hostile)
            assert not reasons["cmyk.jpg"].reason
    decoded = dict(zip((p.name for p in paths), applied("image.decode", records), strict=True))
    assert decoded["large_but_valid_108mp.jpg"].reason == "too_large"
    assert decoded["svg_script.svg"].reason == "unreadable"
    assert decoded["multipage.tif"].facts and decoded["multipage.tif"].facts["frames"] == 3
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 900 * 1024, "kilobytes"


PERSONAL = "image.personal_information"


def test_a_large_picture_is_made_smaller_in_its_own_format() -> None:
    picture = scene(5, 900, 300)
    for form, kind in (("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")):
        raw = record(encoded(picture, form), "image")
        [found] = applied("image.resize", [raw], longest=300)
        assert found.content and found.content_type == kind
        assert pictures.upright_size(found.content) == (300, 100)
        assert applied("image.resize", [raw], longest=900)[0].content is None


def copies(picture: Image.Image) -> dict[str, Image.Image]:
    width, height = picture.size
    return {
        "half": picture.resize((width // 2, height // 2), Image.Resampling.BICUBIC),
        "compressed": Image.open(io.BytesIO(encoded(picture, quality=30))),
        "blurred": picture.filter(ImageFilter.GaussianBlur(1)),
        "brighter": ImageEnhance.Brightness(picture).enhance(1.15),
        "cut": picture.crop((3, 2, width - 3, height - 2)),
    }


def planted(seeds: int) -> tuple[list[bytes], dict[int, tuple[int, str]]]:
    """Return pictures in a random order with copies behind their originals."""
    contents = [encoded(scene(seed), quality=90) for seed in range(seeds)]
    truth: dict[int, tuple[int, str]] = {}
    for seed in range(0, seeds, 2):
        for kind, copy in copies(scene(seed)).items():
            truth[len(contents)] = seed, kind
            contents.append(encoded(copy.convert("RGB"), quality=85))
    return contents, truth


@pytest.mark.parametrize("level", ["copies", "alike"])
def test_planted_near_duplicates_are_found_and_nothing_else(level: str) -> None:
    contents, truth = planted(60)
    signed = signature([record(content, "image") for content in contents], {})
    given = options("image.near_duplicates", level=level)
    found = groups([100 + place for place in range(len(contents))], signed, given)
    right = [
        place for place, (seed, _kind) in truth.items() if found.get(100 + place) == 100 + seed
    ]
    kinds = {
        kind: sum(truth[place][1] == kind for place in right) / 30 for _s, kind in truth.values()
    }
    for kind in ("half", "compressed", "blurred"):
        assert kinds[kind] >= 0.97, kinds
    if level == "alike":
        assert len(right) >= 0.97 * len(truth), kinds
    assert len(right) == len(found), "precision 1.0"


def test_real_pictures_of_a_fixed_camera_are_no_copies_of_each_other(samples: Path) -> None:
    """84 pictures of one spindle from the same places: the hash alone takes them for the same."""
    paths = sorted((samples / "images/bsdata").rglob("*.jpg"))[:60]
    signed = signature([record(path, "image") for path in paths], {})
    ids = range(len(paths))
    strict = groups(ids, signed, options("image.near_duplicates"))
    assert len(strict) <= 0.1 * len(paths)
    wide = groups(ids, signed, options("image.near_duplicates", level="alike"))
    assert len(wide) > len(strict)


def test_search_by_bands_finds_every_pair_that_brute_force_finds() -> None:
    rng = random.Random(7)
    bits = [rng.getrandbits(64) for _number in range(300)]
    for _number in range(200):
        near = rng.choice(bits)
        for bit in rng.sample(range(64), rng.randint(0, 13)):
            near ^= 1 << bit
        bits.append(near)
    same = bytes(1024)
    signed = [each.to_bytes(8, "big") + same for each in bits]
    for distance in (0, 3, 8, 11):
        found = groups(
            range(len(bits)), signed, options("image.near_duplicates", distance=distance)
        )
        kept: list[int] = []
        wanted: dict[int, int] = {}
        for later, one in enumerate(bits):
            near_ones = [k for k in kept if (bits[k] ^ one).bit_count() <= distance]
            if near_ones:
                wanted[later] = near_ones[0]
            else:
                kept.append(later)
        assert found == wanted


def test_what_cannot_be_compared_is_no_duplicate() -> None:
    flat = encoded(Image.new("RGB", (50, 50), "grey"))
    signed = signature([record(one, "image") for one in (flat, flat, b"nothing", b"")], {})
    assert signed == [b"", b"", None, None]
    assert groups(range(4), signed, options("image.near_duplicates")) == {}


def test_a_hash_does_not_care_for_light_and_size() -> None:
    grey = np.asarray(scene(9).convert("L"))
    dark = (grey * 0.7).astype(np.uint8)
    small = np.asarray(scene(9).convert("L").resize((160, 120)))
    for one, other in itertools.combinations((grey, dark, small), 2):
        assert (perceptual_hash(one) ^ perceptual_hash(other)).bit_count() <= 4


def test_without_its_networks_the_search_in_pictures_refuses() -> None:
    with pytest.raises(Exception, match="workers"):
        applied(PERSONAL, [record(encoded(scene(1)), "image")])
    assert bytes_opener(b"x")().read() == b"x"
