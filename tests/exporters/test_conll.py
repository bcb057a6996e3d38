"""CoNLL: by character, BIO, and nothing is lost unseen."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinbiao.datasets.errors import Refused
from jinbiao.datasets.versions import FrozenVersion, Record
from jinbiao.exporters.converters.conll import tagged
from jinbiao.tests.exporters import versions_factory as factory
from jinbiao.tests.exporters.conftest import Export
from jinbiao.tests.exporters.versions_factory import World


def blocks(content: bytes) -> list[list[tuple[str, str]]]:
    """Read columns as their readers do: blocks between empty lines."""
    return [
        [(line.split("\t")[0], line.split("\t")[1]) for line in block.split("\n")]
        for block in content.decode().strip("\n").split("\n\n")
    ]


def test_each_character_stands_with_its_tag(texts: FrozenVersion, export: Export) -> None:
    done = export("conll", texts)
    for split in texts.splits:
        found = blocks(done.read(f"conll/{split}.conll"))
        records = list(texts.records(split))
        assert len(found) == len(records)
        for block, record in zip(found, records, strict=True):
            assert "".join(token for token, _tag in block) == record.data["text"]
            assert block[:3] == [("张", "B-PER"), ("三", "I-PER"), ("在", "O")]
            assert [tag for _token, tag in block[3:8]] == ["B-ORG", *["I-ORG"] * 4]
    assert done.read("conll/overlapping.jsonl") == b""


def test_a_span_under_a_longer_one_is_told_beside(world: World, export: Export) -> None:
    record = factory.text_record(0, split="train")
    inner = {**record.result[1], "id": "z", "value": {"start": 4, "end": 6, "labels": ["PER"]}}
    changed = Record(**{**_fields(record), "result": [*record.result, inner]})
    done = export("conll", world.freeze(factory.TEXT_CONFIG, [changed]))
    (beside,) = map(json.loads, done.read("conll/overlapping.jsonl").splitlines())
    assert beside == {"key": record.key, "start": 4, "end": 6, "label": "PER"}
    (block,) = blocks(done.read("conll/train.conll"))
    assert [tag for _token, tag in block[3:8]] == ["B-ORG", *["I-ORG"] * 4]


def test_what_has_no_spans_is_refused(boards: FrozenVersion, export: Export) -> None:
    with pytest.raises(Refused, match="CoNLL"):
        export("conll", boards)


@given(st.text(alphabet="张三ab1 \n，", max_size=30), st.data())
def test_no_visible_character_is_lost(text: str, data: st.DataObject) -> None:
    ends = st.integers(0, max(len(text), 1))
    spans = data.draw(st.lists(st.tuples(ends, ends, st.sampled_from("AB")), max_size=4))
    found = list(tagged(text, [span for span in spans if span[0] < span[1]]))
    assert "".join(token for token, _tag in found) == "".join(text.split())
    assert {tag[0] for _token, tag in found} <= set("BIO")


def _fields(record: Record) -> dict[str, object]:
    return {name: getattr(record, name) for name in record.__struct_fields__}
