"""Pictures, sound and tables go through a recipe, and the asset's page tells what was measured."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import sqlalchemy as sa
from PIL import Image

from jinbiao.datasets import cleaning, libraries, people
from jinbiao.datasets.cleaning import CleanedRecord, recipes
from jinbiao.tests.server.test_material import assets, bring, library
from jinbiao.tests.server.world import World, zipped

TABLE = """编号,温度,日期
1,25℃,2024-01-01
2,77℉,2024/1/2
2,77℉,2024/1/2
4,,2024-01-04
5,26℃,2024-01-05
6,27℃,2024-01-06
"""


def cleaned(world: World, number: int, *steps: str | dict[str, Any]) -> dict[str, CleanedRecord]:
    """Clean a library by operators; return the records by the names of their assets."""
    values = [{"operator": step} if isinstance(step, str) else step for step in steps]
    with world.installation.database.write() as session:
        actor = people.get_user(session, "requester")
        row = libraries.get(session, actor, number, "library.read")
        _recipe, version = recipes.create(session, actor, name="洗", steps=values)
        present, job = cleaning.ask(session, actor, row, version)
        asked = present.id, job.id
    ended = world.finished(asked[1])
    assert ended["state"] == "done", ended
    names = {row["id"]: row["name"] for row in assets(world, number)}
    with world.installation.database.read() as session:
        found = session.scalars(sa.select(CleanedRecord).filter_by(cleaning_id=asked[0]))
        return {names[each.asset_id]: each for each in found}


def stored(world: World, record: CleanedRecord) -> bytes:
    assert record.digest
    with world.installation.store.open(record.digest) as stream:
        return stream.read()


def test_a_table_is_scored_and_its_page_says_why(world: World) -> None:
    number = library(world, kind="table")
    bring(world, number, "温度.csv", TABLE.encode("gb18030"))
    [row] = assets(world, number)
    api, page = f"/api/assets/{row['id']}/", f"/assets/{row['id']}"
    assert world.good(world.get("requester", api))["quality"] is None
    before = world.get("requester", page)
    assert before.status_code == 200 and "36344" not in before.text
    [found] = cleaned(world, number, "table.tidy", "table.quality").values()
    assert found.state == "changed"
    tidy = stored(world, found).decode().splitlines()
    assert tidy[:3] == ["编号,温度(℃),日期", "1,25,2024-01-01", "2,25,2024-01-02"]
    told = world.good(world.get("requester", api))["quality"]
    assert told["rows"] == 5 and told["duplicate_rows"] == 0 and told["score"] > 90
    shown = world.get("requester", page)
    assert shown.status_code == 200
    for words in ("GB/T 36344-2018", f"{told['score']}", "温度(℃)"):
        assert words in shown.text
    assert world.get("other_requester", api).status_code == 404


def test_pictures_go_through_a_recipe_and_lose_what_is_personal(
    world: World, samples: Path
) -> None:
    hostile = samples / "hostile/images"
    face = (hostile / "deid_gps_owner_exif_thumbnail_face.jpg").read_bytes()
    half = Image.open(io.BytesIO(face)).resize((256, 256))
    out = io.BytesIO()
    half.save(out, "JPEG", quality=80)
    files = {"人.jpg": face, "人小.jpg": out.getvalue()}
    files["转.jpg"] = (hostile / "exif_orientation_6.jpg").read_bytes()
    files["板.jpg"] = next((samples / "images/deeppcb").rglob("*_test.jpg")).read_bytes()
    number = library(world, kind="image")
    bring(world, number, "a.zip", zipped(files))
    treat = {"operator": "image.personal_information", "options": {"kinds": ["face"]}}
    steps = ("image.decode", "image.upright", "image.near_duplicates", treat, "image.metadata")
    found = cleaned(world, number, *steps)
    by_name = {row["name"]: row["id"] for row in assets(world, number)}
    assert found["人小.jpg"].state == "dropped" and found["人小.jpg"].reason == "duplicate"
    assert found["人小.jpg"].duplicate_of == by_name["人.jpg"]
    assert found["人.jpg"].state == found["转.jpg"].state == "changed"
    kept = stored(world, found["人.jpg"])
    assert kept.count(b"\xff\xd8\xff") == 1 and b"Exif" not in kept
    assert found["人.jpg"].fact_values["personal_information"] == {"face": 1}
    assert Image.open(io.BytesIO(stored(world, found["转.jpg"]))).size == (480, 195)
    assert found["板.jpg"].fact_values["personal_information"] == {}


def test_sound_goes_through_a_recipe(world: World) -> None:
    tone = 0.3 * np.sin(np.arange(8_000) * 0.3)
    files = {}
    for name, samples in {
        "响.wav": np.concatenate([np.zeros(8_000), tone, np.zeros(8_000)]),
        "静.wav": np.zeros(8_000),
        "削.wav": np.clip(9 * tone, -1, 1),
    }.items():
        out = io.BytesIO()
        soundfile.write(out, samples, 8_000, format="WAV")
        files[name] = out.getvalue()
    number = library(world, kind="audio")
    bring(world, number, "a.zip", zipped(files))
    steps = ("audio.measure", "audio.silence", "audio.clipping", "audio.trim", "audio.resample")
    found = cleaned(world, number, *steps)
    reasons = {name: record.reason for name, record in found.items()}
    assert reasons == {"响.wav": None, "静.wav": "silent", "削.wav": "clipped"}
    samples, rate = soundfile.read(io.BytesIO(stored(world, found["响.wav"])))
    assert rate == 16_000 and abs(len(samples) / rate - 1.2) < 0.05
