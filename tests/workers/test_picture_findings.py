"""Personal information in pictures: real faces, plates and writing are found, and covered."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from jinbiao.datasets import errors
from jinbiao.datasets.cleaning.operators import OPERATORS, Outcome
from jinbiao.datasets.media import pictures
from jinbiao.datasets.personal_information.pictures import ACTIONS, CELLS, PictureHit, covered
from jinbiao.tests.datasets.cleaning_records import options, record
from jinbiao.workers.model_operators import APPLY
from jinbiao.workers.models.faces import Faces, weights
from jinbiao.workers.picture_findings import look, look_values

PERSONAL = "image.personal_information"
# The face of hopper.jpg, marked by hand: left, top, right, bottom.
FACE = (42, 25, 86, 79)


def encoded(picture: Image.Image, form: str = "JPEG", **given: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **given)
    return out.getvalue()


def overlap(hit: PictureHit, box: tuple[float, float, float, float]) -> float:
    """Return intersection by union."""
    left, top, right, bottom = box
    across = min(hit.x + hit.width, right) - max(hit.x, left)
    down = min(hit.y + hit.height, bottom) - max(hit.y, top)
    shared = max(across, 0) * max(down, 0)
    return shared / (hit.width * hit.height + (right - left) * (bottom - top) - shared)


def treated(content: bytes | Path, **given: object) -> Outcome:
    [outcome] = APPLY[PERSONAL]([record(content, "image")], options(PERSONAL, **given))
    return outcome


def scene(samples: Path, number: int) -> Image.Image:
    """Give a factory's picture to put something into."""
    paths = sorted((samples / "images/bsdata").rglob("*.jpg"))
    return pictures.upright(io.BytesIO(paths[number * 7].read_bytes())).convert("RGB")


@pytest.mark.parametrize("face", [26, 40, 90, 200])
@pytest.mark.parametrize("way", ["as it is", "mirrored", "dark", "turned", "compressed"])
def test_a_real_face_is_found_at_every_size(samples: Path, face: int, way: str) -> None:
    scale = face / 48
    hopper = Image.open(samples / "images/faces/hopper.jpg").convert("RGB")
    hopper = hopper.resize((round(128 * scale),) * 2, Image.Resampling.LANCZOS)
    left, top, right, bottom = (side * scale for side in FACE)
    if way == "mirrored":
        hopper = hopper.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        left, right = 128 * scale - right, 128 * scale - left
    elif way == "dark":
        hopper = hopper.point(lambda value: value * 0.4)
    elif way == "turned":
        hopper = hopper.rotate(15, Image.Resampling.BICUBIC)
    street = scene(samples, face % 5).resize((800, 600))
    street.paste(hopper, (90, 40))
    content = encoded(street, quality=25 if way == "compressed" else 90)
    found = look(content, ["face"])
    box = (left + 90, top + 40, right + 90, bottom + 40)
    assert [hit.kind for hit in found] == ["face"]
    assert overlap(found[0], box) > 0.4 and found[0].confidence > 0.9


def test_no_face_is_seen_in_pictures_of_a_factory(samples: Path) -> None:
    """Two in a hundred is what is promised; of these none is."""
    faces = Faces()
    paths = sorted((samples / "images/bsdata").rglob("*.jpg"))[::6]
    paths += sorted((samples / "images/elpv/images").glob("*"))[::6]
    paths += sorted((samples / "images/deeppcb").rglob("*_test.jpg"))[::10]
    for path in paths:
        seen = pictures.upright(io.BytesIO(path.read_bytes())).convert("RGB")
        assert not faces.find(np.asarray(seen)), path.name


def test_nothing_personal_is_seen_in_pictures_of_a_factory(samples: Path) -> None:
    paths = sorted((samples / "images/bsdata").rglob("*.jpg"))[::30]
    paths += sorted((samples / "images/deeppcb").rglob("*_test.jpg"))[::50]
    assert not [path.name for path in paths if look(path.read_bytes())]


@pytest.mark.parametrize(
    ("name", "kind", "masked", "box"),
    [
        ("plates/rec_crop/_0_津B6H920.jpg", "plate", "津B***20", (0, 0, 104, 54)),
        ("plates/rec_crop/_6_蒙B023H6.jpg", "plate", "蒙B***H6", (0, 0, 114, 47)),
        ("plates/test_img.jpg", "plate_nev", "苏E****12", (1735, 743, 1883, 855)),
    ],
)
def test_real_plates_are_found(
    samples: Path, name: str, kind: str, masked: str, box: tuple[float, float, float, float]
) -> None:
    found = [hit for hit in look((samples / "images" / name).read_bytes()) if hit.kind == kind]
    assert [hit.masked for hit in found] == [masked]
    assert overlap(found[0], box) > 0.7


def test_a_small_plate_in_a_large_picture_is_read_closely(samples: Path) -> None:
    plate = Image.open(samples / "images/plates/rec_crop/_0_津B6H920.jpg").convert("RGB")
    found = 0
    for number in range(4):
        street = scene(samples, number)
        street.paste(plate.resize((54, 28), Image.Resampling.LANCZOS), (300 + 90 * number, 200))
        hits = look(encoded(street, quality=85), ["plate"])
        found += any(hit.masked.endswith("20") for hit in hits)
    assert found >= 3


def test_what_is_written_is_judged_by_the_rules_for_texts(samples: Path) -> None:
    valued = look_values((samples / "images/ocr/return_word_debug.jpg").read_bytes())
    assert sorted(value for _hit, value in valued) == ["02788852022", "02788859022"]
    assert {hit.kind for hit, _value in valued} == {"landline"}
    assert all("8885" not in hit.masked for hit, _value in valued)


def written(text: str) -> bytes:
    """Print Latin letters and digits: the font that comes with Pillow has no others."""
    sheet = Image.new("RGB", (900, 200), "white")
    ImageDraw.Draw(sheet).text((40, 70), text, "black", ImageFont.load_default(36))
    return encoded(sheet, "PNG")


def test_a_number_is_covered_and_what_stands_beside_it_is_not() -> None:
    content = written("Serial 4711 Tel 13800138000 OK")
    [hit] = look(content)
    assert hit.kind == "mobile" and hit.masked == "138****8000"
    assert 40 < hit.x and hit.width < 500
    for action in ACTIONS:
        outcome = treated(content, action=action)
        assert outcome.content and outcome.content_type == "image/png"
        assert not look(outcome.content)
        before = pictures.upright(io.BytesIO(content))
        after = pictures.upright(io.BytesIO(outcome.content))
        # PNG: what was not covered is as it was, to the last bit.
        assert np.array_equal(np.asarray(before)[:, :150], np.asarray(after)[:, :150])


@pytest.mark.parametrize("action", ACTIONS)
def test_no_face_survives_nor_what_the_file_said(samples: Path, action: str) -> None:
    path = samples / "hostile/images/deid_gps_owner_exif_thumbnail_face.jpg"
    outcome = treated(path, action=action)
    assert outcome.content and outcome.content_type == "image/jpeg" and outcome.facts
    assert outcome.facts["personal_information"] == {"face": 1}
    assert not look(outcome.content)
    assert outcome.content.count(b"\xff\xd8\xff") == 1 and b"Exif" not in outcome.content
    with Image.open(io.BytesIO(outcome.content)) as picture:
        assert not picture.getexif() and picture.size == (512, 512)


def test_reporting_changes_nothing(samples: Path) -> None:
    outcome = treated(samples / "images/faces/hopper.jpg", action="report")
    assert outcome.content is None and outcome.facts
    [region] = outcome.facts["regions"]
    assert region["kind"] == "face" and region["masked"] == ""
    assert treated(samples / "images/faces/hopper.jpg", kinds=["plate"]).facts == {
        "personal_information": {},
        "detector": outcome.facts["detector"],
    }


def test_frames_that_nobody_looked_at_do_not_stay(samples: Path) -> None:
    outcome = treated(samples / "hostile/images/animated.gif", kinds=["face"])
    assert outcome.facts and outcome.facts["frames_unseen"] == 2
    with Image.open(io.BytesIO(outcome.content or b"")) as picture:
        assert picture.format == "PNG" and getattr(picture, "n_frames", 1) == 1


def test_hostile_pictures_cost_their_own_record(samples: Path) -> None:
    for name in ("truncated_50pct.jpg", "bomb_dims.png", "html_named.png", "zero_byte.jpg"):
        path = samples / "hostile/images" / name
        assert treated(path, kinds=["face"]).reason == "unreadable", name
        with pytest.raises(errors.Invalid):
            look(path.read_bytes(), ["face"])


@given(
    st.tuples(st.integers(1, 60), st.integers(1, 60), st.sampled_from([1, 3, 4])),
    st.tuples(*[st.floats(-20, 70)] * 2, *[st.floats(0, 80)] * 2),
    st.sampled_from(ACTIONS),
    st.floats(0, 1),
)
@settings(max_examples=120, deadline=None)
def test_covering_leaves_the_rest_and_few_values(
    shape: tuple[int, int, int],
    region: tuple[float, float, float, float],
    action: str,
    margin: float,
) -> None:
    rng = np.random.default_rng(1)
    seen = rng.integers(0, 256, shape if shape[2] > 1 else shape[:2], dtype=np.uint8)
    before = seen.copy()
    hit = PictureHit("face", *region, "", 1.0)
    made = covered(seen, [hit], action, margin)  # type: ignore[arg-type]
    assert made.shape == seen.shape and np.array_equal(seen, before)
    x, y, width, height = region
    rows = np.arange(shape[0]) + 0.5
    columns = np.arange(shape[1]) + 0.5
    far = (rows < y - height * margin - 1) | (rows > y + height * (1 + margin) + 1)
    assert np.array_equal(made[far], seen[far])
    inside = made[(rows > y) & (rows < y + height)][:, (columns > x) & (columns < x + width)]
    if action == "fill" and inside.size:
        assert not inside[..., :3].any()
    if action == "mosaic" and inside.size:
        flat = inside.reshape(-1, inside.shape[2] if inside.ndim == 3 else 1)
        assert len(np.unique(flat, axis=0)) <= CELLS * CELLS


def test_a_foreign_file_in_the_place_of_the_weights_runs_nothing(tmp_path: Path) -> None:
    import pickle

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return exec, ("raise SystemExit('ran')",)

    path = tmp_path / "pnet.pt"
    for content in (pickle.dumps(Evil()), b"", b"\x80\x02.", pickle.dumps(weights._MAGIC) * 4):
        path.write_bytes(content)
        with pytest.raises(errors.Unavailable):
            weights.read(path)


def test_speech_by_the_network_hears_people_and_not_machines(samples: Path) -> None:
    given = options("audio.speech", method="network")
    listen = APPLY["audio.speech"]
    path = samples / "audio/wenet/aishell-BAC009S0724W0121.wav"
    machine = samples / "audio/inception/752067_71257-lq.mp3"
    spoken, noise = listen([record(path, "audio"), record(machine, "audio")], given)
    assert spoken.facts and spoken.facts["speech_seconds"] == pytest.approx(3.36, abs=0.3)
    assert noise.reason == "no_speech"
    out = io.BytesIO()
    soundfile.write(out, np.zeros(16_000), 16_000, format="WAV")
    [silent] = listen([record(out.getvalue(), "audio")], options("audio.speech"))
    assert silent.reason == "no_speech"
    refuse = OPERATORS["audio.speech"].apply
    assert refuse
    with pytest.raises(errors.Unavailable):
        refuse([record(path, "audio")], given)
