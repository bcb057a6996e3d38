"""Hold the sentences of a card in Chinese and English."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Texts:
    """The words of a card in one language; `%(…)s` are filled in."""

    language: str
    version: str
    contents: str
    split: str
    records: str
    total: str
    label: str
    name: str
    files: str
    common_files: tuple[str, ...]
    pictures: str
    making: str
    made: str
    reviewed: str
    prelabelled: str
    split_how: str
    licence: str
    loading: str
    endpoint: str
    comma: str
    colon: str
    stop: str


_CHINESE = Texts(
    language="zh",
    version="版本 `%(tag)s`，内容编号 `%(commit)s`：内容相同，编号就相同。",
    contents="内容",
    split="划分",
    records="记录数",
    total="合计",
    label="标签",
    name="名称",
    files="文件",
    common_files=(
        "- **版本清单**：`manifest.jsonl`。首行为版本信息，其后每行一条记录。",
        "- **机读描述**：`croissant.json`（Croissant 1.1）、"
        "`datapackage.json`（Frictionless 2.0）。",
        "- **校验**：`checksums.sha256`，下载后运行 `sha256sum -c checksums.sha256`；"
        "`checksums.sm3` 为国密 SM3。",
    ),
    pictures="各格式共用一棵目录树：图片文件位于 `images/<划分>/`，原样存放一份；"
    "Parquet 文件内另含图片。",
    making="制作过程",
    made="由 %(annotators)s 名标注员标注。人员均以假名出现。",
    reviewed="其中 %(reviewed)s 条记录经 %(reviewers)s 名审核员审核通过。",
    prelabelled="有 %(count)s 条记录先由模型预标注（%(models)s），再由标注员检查修改。",
    split_how="划分由随机种子 %(seed)s 决定，按标签分层，同组记录不拆开。",
    licence="许可协议",
    loading="用 Python 加载",
    endpoint="# 先设置环境变量 HF_ENDPOINT 为本平台的网址",
    comma="、",
    colon="：",
    stop="。",
)
_ENGLISH = Texts(
    language="en",
    version="Version `%(tag)s`, content id `%(commit)s`: the same content always has the same id.",
    contents="Contents",
    split="Split",
    records="Records",
    total="Total",
    label="Label",
    name="Name",
    files="Files",
    common_files=(
        "- **Manifest**: `manifest.jsonl`. The first line describes the version, "
        "each other line is a record.",
        "- **For machines**: `croissant.json` (Croissant 1.1), `datapackage.json` "
        "(Frictionless 2.0).",
        "- **Checksums**: `checksums.sha256`. After a download run "
        "`sha256sum -c checksums.sha256`; `checksums.sm3` has the digests by SM3.",
    ),
    pictures="The formats share one tree: picture files are there once, unchanged, in "
    "`images/<split>/`; Parquet files have the pictures inside as well.",
    making="How it was made",
    made="Annotators: %(annotators)s. People appear under pseudonyms.",
    reviewed="Records accepted in review: %(reviewed)s (reviewers: %(reviewers)s).",
    prelabelled="Records that a model labelled first and annotators then checked: %(count)s "
    "(%(models)s).",
    split_how="The splits come from the random seed %(seed)s, stratified by label; records of "
    "one group stay together.",
    licence="Licence",
    loading="Load it in Python",
    endpoint="# Set the environment variable HF_ENDPOINT to the address of this platform first",
    comma=", ",
    colon=": ",
    stop=". ",
)
TEXTS = (_CHINESE, _ENGLISH)
