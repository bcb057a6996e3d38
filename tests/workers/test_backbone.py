"""The detector that travels in rapidocr is cut where its backbone ends, and nowhere else."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from jinbiao.datasets import errors
from jinbiao.workers.models import packaged
from jinbiao.workers.models.backbone import FILE, PACKAGE, STRIDES, backbone, cut, pooled


def _file(name: str) -> bytes:
    return packaged.file_of(PACKAGE, name, PACKAGE).read_bytes()


def test_four_stages_are_seen_and_the_neck_is_gone() -> None:
    whole, part = onnx.load_from_string(_file(FILE)), onnx.load_from_string(cut(_file(FILE)))
    assert len(part.graph.output) == len(STRIDES)
    kinds = {node.op_type for node in part.graph.node}
    assert not kinds & {"Resize", "ConvTranspose", "Sigmoid", "GlobalAveragePool"}
    assert len(part.graph.node) < 0.7 * len(whole.graph.node)
    kept = {each.name for each in part.graph.initializer}
    assert kept < {each.name for each in whole.graph.initializer}


@pytest.mark.parametrize("height, width", [(64, 64), (224, 224), (101, 333), (1, 1), (40, 1000)])
def test_maps_fit_their_strides_whatever_the_picture(height: int, width: int) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    network = backbone()
    maps = network.maps(picture)
    assert [len(each) for each in maps] == list(network.channels)
    for each, stride in zip(maps, STRIDES, strict=True):
        for seen, side in zip(each.shape[1:], (height, width), strict=True):
            assert seen * stride == max(64, 32 * round(side / 32))
        assert each.dtype == np.float32 and np.isfinite(each).all()
    assert pooled(maps).shape == (2 * sum(network.channels),)


def test_a_process_cuts_once_and_sees_the_same_each_time() -> None:
    assert backbone() is backbone()
    picture = np.random.default_rng(1).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    for one, other in zip(backbone().maps(picture), backbone(2).maps(picture), strict=True):
        assert np.allclose(one, other, atol=1e-3)
    first, second = (pooled(backbone().maps(picture)) for _time in range(2))
    assert np.array_equal(first, second)


def test_another_network_is_not_taken_for_the_known_one() -> None:
    renamed = onnx.load_from_string(_file(FILE))
    for node in renamed.graph.node:
        if node.op_type == "GlobalAveragePool":
            node.op_type = "GlobalMaxPool"
    others = [_file("models/ch_ppocr_mobile_v2.0_cls_mobile.onnx"), renamed.SerializeToString()]
    for content in (*others, b"", b"not a network", _file(FILE)[:100_000]):
        with pytest.raises(errors.Unavailable, match="rapidocr"):
            cut(content)


def test_a_package_that_is_not_there_is_named() -> None:
    with pytest.raises(errors.Unavailable, match="rapidocr"):
        packaged.file_of(PACKAGE, "models/no such file.onnx", PACKAGE)
