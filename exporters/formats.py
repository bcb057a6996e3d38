"""Name the formats; a new one is one file with `write`, and one entry here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..datasets import errors
from ..datasets.cycles import rarely_collected
from ..datasets.errors import _
from ..datasets.labels import LabelConfig
from ..datasets.versions import FrozenVersion
from . import coco, conll, detections, divided, jsonl, label_studio, voc, webdataset, yolo
from .divided import Divided, Parts, alone
from .output import Output


@dataclass(frozen=True)
class Format:
    """A format; `places` are where its own files lie in the tree, media not counted."""

    name: str
    title_zh: str
    title_en: str
    description_zh: str
    description_en: str
    write: Callable[[FrozenVersion, Output], None]
    extensions: tuple[str, ...]
    places: tuple[str, ...]
    # For formats that write record by record: what lets several processes share the work.
    divided: Callable[[FrozenVersion], Divided] | None = None
    # Raises errors.Refused where no version of a project with this config can be written so.
    check: Callable[[LabelConfig], object] = lambda _config: None


def _write_parquet(version: FrozenVersion, output: Output) -> None:
    # Processes that write no Parquet, which are most, go without 25 MB of Arrow.
    from . import parquet

    parquet.write(version, output)


_ALL = (
    Format(
        "parquet",
        "Parquet（Hugging Face）",
        "Parquet (Hugging Face)",
        "图片内嵌，列与类别都有声明，可用 datasets 库直接加载；大版本自动分片。",
        "Pictures inside, columns and classes declared, loads with the datasets library; "
        "large versions are divided into shards.",
        _write_parquet,
        (".parquet",),
        ("data/*.parquet",),
    ),
    Format(
        "jsonl",
        "JSONL（完整记录）",
        "JSONL (complete records)",
        "每行一条完整记录，与版本清单逐字节一致，含全部标注类型。",
        "One complete record a line, byte for byte that of the version's manifest, "
        "with every kind of annotation.",
        jsonl.write,
        (".jsonl",),
        ("records/*.jsonl",),
        jsonl.Lines,
    ),
    Format(
        "coco",
        "COCO（目标检测）",
        "COCO (object detection)",
        "矩形框和多边形，像素坐标；旋转框另存四个角点和角度。其他类型的标注不在其中。",
        "Boxes and polygons in pixels; turned boxes also have their corners and angle. "
        "Other annotations are left out.",
        coco.write,
        (".json",),
        ("annotations/*.json",),
        coco.Instances,
        detections.drawn_picture,
    ),
    Format(
        "yolo",
        "YOLO（目标检测）",
        "YOLO (object detection)",
        "每张图片一个文本文件，附 data.yaml；旋转框和多边形写成外接矩形。",
        "One text file a picture, with data.yaml; turned boxes and polygons become "
        "the boxes around them.",
        yolo.write,
        (".txt", ".yaml"),
        ("labels/*", "data.yaml"),
        yolo.Labels,
        detections.drawn_picture,
    ),
    Format(
        "voc",
        "Pascal VOC（目标检测）",
        "Pascal VOC (object detection)",
        "每张图片一个 XML 文件，像素从 1 起计；旋转框和多边形写成外接矩形。",
        "One XML file a picture, pixels counted from 1; turned boxes and polygons become "
        "the boxes around them.",
        voc.write,
        (".xml", ".txt"),
        ("Annotations/*.xml", "ImageSets/*"),
        voc.Documents,
        detections.drawn_picture,
    ),
    Format(
        "label_studio",
        "Label Studio 任务",
        "Label Studio tasks",
        "任务与标注的 JSON 和标注配置，可导入 Label Studio 继续标注；图片以相对路径引用。",
        "Tasks with annotations as JSON, and the labelling configuration, to go on in "
        "Label Studio; pictures are named by relative paths.",
        label_studio.write,
        (".json", ".xml"),
        ("label_studio/*",),
    ),
    Format(
        "conll",
        "CoNLL（序列标注）",
        "CoNLL (sequence labelling)",
        "每行一个字（英文按词）和 BIO 标签，空行分隔记录；被更长的实体盖住的实体另列文件。",
        "A character (a Latin word) and its BIO tag a line, an empty line between records; "
        "spans that a longer one lies over stand in a file of their own.",
        conll.write,
        (".conll", ".jsonl"),
        ("conll/*",),
        conll.Tagged,
        conll.labelled_text,
    ),
    Format(
        "webdataset",
        "WebDataset（流式训练分片）",
        "WebDataset (shards to stream)",
        "每条记录的媒体与 JSON 相邻存放的 TAR 分片，可边下载边训练。"
        "媒体会再存一份，默认不随版本发布。",
        "TAR shards that hold each record's media beside its JSON, to train while downloading. "
        "Media are stored once more, so it is published only when asked for.",
        webdataset.write,
        (".tar",),
        ("webdataset/*.tar",),
    ),
)
FORMATS: dict[str, Format] = {entry.name: entry for entry in _ALL}
# What a release carries unless told otherwise; formats that do not suit the data are left out.
RELEASE_FORMATS = ("parquet", "jsonl", "coco", "yolo", "voc", "label_studio", "conll")


def unsuited(config: LabelConfig) -> dict[str, errors.Refused]:
    """Return why a project with this config cannot be written in some formats, by their names."""
    found = {}
    for name, entry in FORMATS.items():
        try:
            entry.check(config)
        except errors.Refused as problem:
            found[name] = problem
    return found


def chosen(names: Iterable[str], config: LabelConfig) -> list[str]:
    """Return the formats that a release is to carry, each once, in the order of FORMATS.

    Raises:
        errors.Invalid: there are none, one is not known, or one cannot hold what this project has.
    """
    asked = set(names)
    if not asked:
        raise errors.Invalid(_("choose at least one format"), place="formats")
    if not asked <= set(FORMATS):
        raise errors.Invalid(
            _("must be among %(names)s"), place="formats", names=", ".join(FORMATS)
        )
    problems = [
        errors.Problem(name, reason.message, reason.values)
        for name, reason in unsuited(config).items()
        if name in asked
    ]
    if problems:
        raise errors.Invalid(
            _("this version cannot be given in every format that is asked for"),
            place="formats",
            problems=problems,
        )
    return [name for name in FORMATS if name in asked]


def export(name: str, version: FrozenVersion, output: Output, parts: Parts = alone) -> str:
    """Write a version in a format, and return the digest of the export's manifest.

    `parts` works out what the records give, for formats that are divided.

    Raises:
        errors.Refused: the format cannot hold what the version has.
        errors.Damaged: the version's records or media are not what they should be.
        errors.Unavailable: the store, or the disk for temporary files, cannot be used.
    """
    entry = FORMATS[name]
    with rarely_collected():
        if entry.divided is None:
            entry.write(version, output)
        else:
            divided.write(version, entry.divided(version), output, parts)
        return output.finish(version, name)
