"""Models at services of the Open Inference Protocol give marks; bad answers do no harm."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from jinbiao.datasets.errors import Invalid, JinbiaoError, Refused
from jinbiao.tests.workers.model_service import Heard, ModelService, Said, way_out
from jinbiao.workers.models.interface import Answer, Box, Choice, Given, Item, Target
from jinbiao.workers.models.open_inference import OpenInference, OpenInferenceText

SECRET = "tk-0123456789abcdef"
BOXES = Target("image", Box, ("划痕", "凹坑"))
TOPICS = Target("text", Choice, ("体育", "财经"))
PICTURE = Item(pictures={"image": np.full((64, 128, 3), 90, np.uint8)})
TEXT = Item(texts={"text": "天津队主场取胜"})
Infer = Callable[[Heard], Said]


def tensor(name: str, values: Any, kind: str = "FP32") -> dict[str, Any]:
    array = np.array(values)
    return {
        "name": name,
        "datatype": kind,
        "shape": list(array.shape),
        "data": array.reshape(-1).tolist(),
    }


def yolo(*boxes: tuple[float, ...]) -> NDArray[np.float32]:
    numbers = np.zeros((1, 6, 84), np.float32)
    numbers[0, :, : len(boxes)] = np.array(boxes, np.float32).T
    return numbers


def detector(heard: Heard) -> Said:
    numbers = yolo((32, 32, 20, 20, 0.9, 0.1), (300, 20, 20, 20, 0.1, 0.8))
    return Said({"model_name": "yolo", "outputs": [tensor("output0", numbers)]})


def topics(heard: Heard) -> Said:
    label = "sport" if "队" in heard.body["inputs"][0]["data"][0] else "money"
    told = [tensor("label", [label], "BYTES"), tensor("score", [0.93])]
    return Said({"outputs": told})


class Served(ModelService):
    """A service with one model that takes pictures of 64 pixels, or texts."""

    def __init__(self) -> None:
        super().__init__(self._says)
        self.infer: Infer = detector
        self.takes = {"name": "images", "datatype": "FP32", "shape": [-1, 3, 64, 64]}
        self.ready = Said({"ready": True})

    def _says(self, heard: Heard) -> Said:
        if heard.path == "/v2/health/ready":
            return self.ready
        if heard.path.endswith("/infer"):
            return self.infer(heard)
        if heard.path in ("/v2/models/yolo", "/v2/models/yolo/versions/3"):
            return Said({"name": "yolo", "inputs": [self.takes], "outputs": []})
        return Said({"error": f"Request for unknown model: '{heard.path}' is not found"}, 404)


@pytest.fixture
def service() -> Iterator[Served]:
    with Served() as made:
        yield made  # type: ignore[misc]


def asked(service: Served, item: Item = PICTURE, target: Target = BOXES, **options: Any) -> Answer:
    """Check, load and ask as the job does."""
    call = options.pop("call", None) or way_out()
    model = OpenInferenceText() if item.texts else OpenInference()
    given: dict[str, Any] = {"url": f"{service.url}/", "model": "yolo"}
    if not item.texts:
        given |= {"form": "yolo", "labels": ["划痕", "凹坑"]}
    checked = model.check({**given, **options}, None)
    assert model.check(checked, None) == checked
    loaded = model.load(None, target, Given(checked, secret=SECRET, call=call))
    (answer,) = loaded.predict([item])
    return answer


def test_pictures_go_out_prepared_and_boxes_come_back(service: Served) -> None:
    answer = asked(service)
    # 128 × 64 at half its size, 16 grey rows above; the second box lies outside.
    assert [
        (one.label, one.x, one.y, one.width, one.height, round(one.score, 2))
        for one in answer.marks
        if isinstance(one, Box)
    ] == [("划痕", 44.0, 12.0, 40.0, 40.0, 0.9)]
    assert [one.path for one in service.heard] == [
        "/v2/health/ready",
        "/v2/models/yolo",
        "/v2/models/yolo/infer",
    ]
    assert {one.headers["Authorization"] for one in service.heard} == {f"Bearer {SECRET}"}
    (sent,) = service.heard[-1].body["inputs"]
    assert (sent["name"], sent["datatype"], sent["shape"]) == ("images", "FP32", [1, 3, 64, 64])
    values = np.array(sent["data"]).reshape(1, 3, 64, 64)
    assert values[0, 0, 0, 0] == pytest.approx(114 / 255, abs=1e-5)
    assert values[0, 0, 32, 32] == pytest.approx(90 / 255, abs=1e-5)


def test_a_version_and_an_input_without_a_batch_are_possible(service: Served) -> None:
    service.takes = {"name": "x", "datatype": "UINT8", "shape": [64, 64, 3]}

    def infer(heard: Heard) -> Said:
        return Said({"outputs": [tensor("y", yolo((32, 32, 20, 20, 0.9, 0.1))[0])]})

    service.infer = infer
    assert len(asked(service, version="3").marks) == 1
    assert service.heard[-1].path == "/v2/models/yolo/versions/3/infer"
    (sent,) = service.heard[-1].body["inputs"]
    assert (sent["shape"], sent["data"][:3]) == ([64, 64, 3], [114, 114, 114])


def test_numbers_can_travel_as_bytes(service: Served) -> None:
    def infer(heard: Heard) -> Said:
        size = int(heard.headers["Inference-Header-Content-Length"])
        (sent,) = json.loads(heard.content[:size])["inputs"]
        content = heard.content[size:]
        assert sent["parameters"]["binary_data_size"] == len(content) == 4 * 3 * 64 * 64
        assert np.frombuffer(content, "<f4")[0] == pytest.approx(114 / 255)
        numbers = yolo((32, 32, 20, 20, 0.9, 0.1)).astype("<f4")
        name = struct.pack("<I", 6) + "标".encode() + b"abc"
        told = {
            "outputs": [
                {
                    "name": "n",
                    "datatype": "BYTES",
                    "shape": [1],
                    "parameters": {"binary_data_size": len(name)},
                },
                {
                    "name": "y",
                    "datatype": "FP32",
                    "shape": [1, 6, 84],
                    "parameters": {"binary_data_size": numbers.nbytes},
                },
            ]
        }
        return Said(json.dumps(told).encode() + name + numbers.tobytes())

    service.infer = infer
    assert len(asked(service, binary=True).marks) == 1


def test_texts_get_the_label_that_the_service_says(service: Served) -> None:
    service.takes = {"name": "text", "datatype": "BYTES", "shape": [-1, 1]}
    service.infer = topics
    answer = asked(service, TEXT, TOPICS, labels={"sport": "体育", "money": "财经"})
    assert answer.marks == [Choice("体育", pytest.approx(0.93))]
    assert answer.score == pytest.approx(0.93)
    (sent,) = service.heard[-1].body["inputs"]
    assert sent == {
        "name": "text",
        "datatype": "BYTES",
        "shape": [1, 1],
        "data": ["天津队主场取胜"],
    }
    with pytest.raises(Invalid, match="no label of the project: sport"):
        asked(service, TEXT, TOPICS)
    assert asked(service, TEXT, TOPICS, confidence=0.95).marks == []


def test_scores_alone_stand_in_the_order_of_the_classes(service: Served) -> None:
    service.takes = {"name": "text", "datatype": "BYTES", "shape": [1]}
    service.infer = lambda heard: Said({"outputs": [tensor("logits", [[0.0, 2.0]])]})
    (mark,) = asked(service, TEXT, TOPICS, labels=["体育", "财经"]).marks
    assert isinstance(mark, Choice) and mark.label == "财经"
    assert mark.score == pytest.approx(np.exp(2) / (1 + np.exp(2)))
    several = Target("text", Choice, ("体育", "财经"), single=False)
    found = asked(service, TEXT, several, labels=["体育", "财经"]).marks
    assert [mark.label for mark in found] == ["财经", "体育"]
    service.infer = lambda heard: Said(
        b'{"outputs":[{"name":"s","datatype":"FP32","shape":[1,2],"data":[NaN,NaN]}]}'
    )
    assert asked(service, TEXT, TOPICS, labels=["体育", "财经"]).marks == []


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        (Said(b"<!doctype html><h1>Log in</h1>"), Refused, "not JSON"),
        (Said({"error": "CUDA out of memory"}, 500), Refused, "500: CUDA out of memory"),
        (Said({"error": "busy"}, 429), Refused, "429: busy"),
        (Said({"x": 1}, 503, {"Retry-After": "17"}), Refused, "503 and asks to wait 17 seconds"),
        (Said({"error": f"bad token {SECRET}"}, 401), Refused, r"accept the key \(401\)"),
        (Said({"error": f"bad token {SECRET}"}, 500), Refused, "answers 500$"),
        (Said({"error": "unexpected shape"}, 400), Invalid, "400: unexpected shape"),
        (Said({}, 302, {"Location": "http://169.254.169.254/"}), Refused, "answers 302"),
        (Said(b"x" * 40_000_000), Refused, "more than"),
        (Said({"outputs": []}, seconds=3), Refused, "did not answer within 1 seconds"),
        (Said({}), Invalid, "contradict"),
        (Said([]), Invalid, "contradict"),
        (Said({"outputs": [{"name": "y"}]}), Invalid, "contradict"),
        (
            Said({"outputs": [{"name": "y", "datatype": "FP32", "shape": [1, 9], "data": [1]}]}),
            Invalid,
            "contradict",
        ),
        (
            Said(
                {"outputs": [{"name": "y", "datatype": "FP32", "shape": [10**9] * 9, "data": []}]}
            ),
            Invalid,
            "contradict",
        ),
        (Said({"outputs": [tensor("y", [["a"]], "BYTES")]}), Invalid, "outputs have the shapes"),
        (Said({"outputs": [tensor("y", [[1.0, 2.0]])]}), Invalid, "outputs have the shapes"),
    ],
)
def test_what_goes_wrong_is_said_plainly_and_without_the_key(
    service: Served, said: Said, kind: type[JinbiaoError], words: str
) -> None:
    service.infer = lambda heard: said
    with pytest.raises(kind, match=words) as caught:
        asked(service, call=way_out(seconds=1.0) if said.seconds else None)
    assert SECRET not in f"{caught.value}{caught.value.values}"
    assert SECRET not in f"{caught.value.__cause__}"


def test_numbers_that_are_none_make_no_marks(service: Served) -> None:
    numbers = yolo((32, 32, 20, 20, 0.9, 0.1))
    told = tensor("y", numbers)
    told["data"] = [None] * len(told["data"])
    service.infer = lambda heard: Said({"outputs": [told]})
    assert asked(service).marks == []


def test_a_service_that_is_not_ready_or_lacks_the_model_is_refused(service: Served) -> None:
    with pytest.raises(Refused, match="404: Request for unknown model"):
        asked(service, model="none/../such")
    assert service.heard[-1].path == "/v2/models/none%2F..%2Fsuch"
    service.ready = Said({"ready": False}, 503)
    with pytest.raises(Refused, match="answers 503"):
        asked(service)
    service.ready = Said({})
    service.takes = {"name": "x", "datatype": "INT64", "shape": [-1, 128]}
    with pytest.raises(Refused, match="INT64 -1×128, not pictures"):
        asked(service)
    with pytest.raises(Refused, match="not text"):
        asked(service, TEXT, TOPICS)


def test_inside_addresses_are_refused_unless_the_operator_allows_them(service: Served) -> None:
    with pytest.raises(Invalid, match="is an address inside"):
        asked(service, call=way_out(allowed=""))
    assert service.heard == []


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"url": "ftp://x"}, "options.url"),
        ({"url": "http://user:pass@host/"}, "options.url"),
        ({"url": None}, "options.url"),
        ({"model": ""}, "options.model"),
        ({"model": 7}, "options.model"),
        ({"binary": "yes"}, "options.binary"),
        ({"labels": []}, "options.labels"),
        ({"form": ""}, "options.form"),
        ({"password": "x"}, "options.password"),
    ],
)
def test_options_that_cannot_be_used_are_named(options: dict[str, Any], place: str) -> None:
    good = {"url": "https://models.example", "model": "m", "form": "yolo", "labels": ["a"]}
    with pytest.raises(Invalid) as caught:
        OpenInference().check({**good, **options}, None)
    assert caught.value.place == place
    with pytest.raises(Invalid):
        OpenInference().check(good, b"file")


def test_cards_name_what_is_taken() -> None:
    for model in (OpenInference(), OpenInferenceText()):
        names = [option["name"] for option in model.card()["options"]]
        assert names[:2] == ["url", "model"] and len(names) == len(set(names))
