"""Parquet: read back by pyarrow; test_release.py has the `datasets` library read it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jinbiao.datasets import errors
from jinbiao.datasets.boards import LABELS, draw_pair
from jinbiao.datasets.versions import FrozenVersion
from jinbiao.exporters import parquet
from jinbiao.exporters.columns import read_media
from jinbiao.exporters.output import Output
from jinbiao.tests.exporters import versions_factory
from jinbiao.tests.exporters.conftest import Export, Exported
from jinbiao.tests.exporters.versions_factory import World


def _table(done: Exported, path: str) -> pa.Table:
    return pq.read_table(io.BytesIO(done.read(path)))


def test_pictures_are_inside_unchanged_with_their_boxes(
    boards: FrozenVersion, export: Export
) -> None:
    done = export("parquet", boards)
    assert all(file.path.startswith("data/") for file in done.output.written)
    for split in boards.splits:
        rows = _table(done, f"data/{split}-00000-of-00001.parquet").to_pylist()
        for row, record in zip(rows, boards.records(split), strict=True):
            for key in ("image", "template"):
                media = record.media[key]
                assert row[key] == {"bytes": read_media(boards, media), "path": media.file}
            assert row["file_name"] == f"images/{split}/{record.media['image'].file}"
            assert row["key"] == record.key
            assert json.loads(row["record"])["result"] == record.result
    first = _table(done, "data/train-00000-of-00001.parquet").to_pylist()[0]["objects"]
    drawn = draw_pair(7, 0).boxes
    assert [LABELS[number] for number in first["category"]] == [box[0] for box in drawn]
    assert first["bbox"] == [pytest.approx(box[1:], abs=1e-9) for box in drawn]


def test_features_are_declared_as_older_readers_understand(
    boards: FrozenVersion, export: Export
) -> None:
    schema = _table(export("parquet", boards), "data/train-00000-of-00001.parquet").schema
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert list(features) == schema.names
    assert features["image"] == features["template"] == {"_type": "Image"}
    assert features["objects"]["category"] == {
        "feature": {"names": list(LABELS), "_type": "ClassLabel"},
        "_type": "Sequence",
    }
    assert '"List"' not in json.dumps(features)


def test_texts_have_columns_for_spans_choices_and_data(
    texts: FrozenVersion, export: Export
) -> None:
    done = export("parquet", texts)
    table = _table(done, "data/train-00000-of-00001.parquet")
    assert table.schema.names == [
        "large", "number", "share", "tags", "text", "tone", "topics", "spans",
        "key", "group", "annotator", "record",
    ]  # fmt: skip
    rows = table.to_pylist()
    assert [row["number"] for row in rows] == [0, 1, 3, 5, 6, 7]
    assert [row["share"] for row in rows][:4] == [0.0, 1.0, 3.0, 5.0]
    assert [row["large"] for row in rows][:2] == [str(2**70), "1"]
    assert rows[1]["tags"] == '["甲",1]'
    assert [row["tone"] for row in rows] == [1, 0, None, 0, 1, None]
    assert [row["topics"] for row in rows] == [[], [0], [], [0, 1], [], [0]]
    assert rows[0]["spans"] == {"start": [0, 3], "end": [2, 8], "label": [0, 1]}
    assert rows[0]["text"][3:8] == "津市数据局"


def test_polygons_and_a_class_of_the_whole_picture(polygons: FrozenVersion, export: Export) -> None:
    rows = _table(export("parquet", polygons), "data/train-00000-of-00001.parquet").to_pylist()
    assert [row["class"] for row in rows] == [1, 0]
    assert rows[0]["objects"]["outline"] == [[64, 64, 192, 64, 64, 320]]
    assert rows[1]["objects"]["bbox"] == []


def test_a_picture_elsewhere_keeps_its_address_and_boxes(world: World, export: Export) -> None:
    version = versions_factory.linked(world)
    (row,) = _table(export("parquet", version), "data/train-00000-of-00001.parquet").to_pylist()
    assert row["image"] == "https://pictures.example/1.jpg"
    assert row["objects"]["bbox"] == [[64, 96, 160, 48]]
    with pytest.raises(errors.Refused, match="not stored here"):
        export("coco", version)


def test_large_versions_are_divided_into_shards(boards: FrozenVersion, tmp_path: Path) -> None:
    output = Output(boards.store, tmp_path)
    size = next(boards.records()).media["image"].size
    parquet.write(boards, output, shard_bytes=6 * size)
    output.finish(boards, "parquet")
    paths = [file.path for file in output.written if "train" in file.path]
    assert len(paths) > 1
    assert paths[0] == f"data/train-00000-of-{len(paths):05d}.parquet"
    done = Exported(boards, output, "")
    keys = [row["key"] for path in paths for row in _table(done, path).to_pylist()]
    assert keys == [record.key for record in boards.records("train")]


def test_changed_bytes_are_noticed(boards: FrozenVersion) -> None:
    media = next(boards.records()).media["image"]
    path = boards.store.path(media.sha256)
    assert path is not None
    data = path.read_bytes()
    try:
        path.write_bytes(data[:-1] + b"?")
        with pytest.raises(errors.Damaged, match="have changed"):
            read_media(boards, media)
    finally:
        path.write_bytes(data)
    assert read_media(boards, media) == data


FORM = """<View><Text name="t" value="$text"/><Text name="u" value="$text"/>
<Taxonomy name="fault" toName="t"><Choice alias="mechanical" value="机械">
<Choice alias="vibration" value="振动"/><Choice alias="wear" value="磨损"/></Choice>
<Choice alias="software" value="程序"/></Taxonomy>
<Taxonomy name="parts" toName="t"><Choice value="轴承"/><Choice value="电机"/></Taxonomy>
<Rating name="stars" toName="t"/><Number name="hours" toName="t"/>
<DateTime name="day" toName="t"/><TextArea name="said" toName="t"/>
<Pairwise name="better" toName="t,u"/></View>"""


def test_every_question_about_the_whole_record_has_a_column(world: World, export: Export) -> None:
    answered = {
        "fault": ("taxonomy", {"taxonomy": [["mechanical", "vibration"]]}),
        "parts": ("taxonomy", {"taxonomy": [["轴承"], ["电机"]]}),
        "stars": ("rating", {"rating": 4}),
        "hours": ("number", {"number": 2.5}),
        "day": ("datetime", {"datetime": "2026-11-20"}),
        "said": ("textarea", {"text": ["异响", "停机"]}),
        "better": ("pairwise", {"selected": "left"}),
    }
    other = {"fault": ("taxonomy", {"taxonomy": [["software"]]})}
    version = versions_factory.answered(world, FORM, [answered, other])
    table = _table(export("parquet", version), "data/train-00000-of-00001.parquet")
    features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
    paths = ["mechanical", "mechanical/vibration", "mechanical/wear", "software"]
    assert features["fault"] == {"names": paths, "_type": "ClassLabel"}
    assert features["parts"]["_type"] == "Sequence"
    assert {name: features[name]["dtype"] for name in ("stars", "hours", "day", "better")} == {
        "stars": "int64", "hours": "float64", "day": "string", "better": "string"
    }  # fmt: skip
    first, second = table.to_pylist()
    assert features["fault"]["names"][first["fault"]] == "mechanical/vibration"
    assert [features["parts"]["feature"]["names"][n] for n in first["parts"]] == ["轴承", "电机"]
    plain = ("stars", "hours", "day", "said", "better")
    assert [first[name] for name in plain] == [4, 2.5, "2026-11-20", ["异响", "停机"], "left"]
    assert features["fault"]["names"][second["fault"]] == "software"
    assert [second[name] for name in plain] == [None, None, None, [], None]
    assert second["parts"] == []
