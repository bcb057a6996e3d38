"""Register the queries behind the numbers of a datasheet, each with a version and its text.

A query whose meaning changes gets a new version; the old one stays as it is, so that old
datasheets can be recomputed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..quality import wilson
from ..quality.intervals import cluster_ratio
from .evidence import Evidence

PLACES = 6  # decimals that are kept of a share


@dataclass(frozen=True)
class Query:
    """A query over the tables of `evidence`; `kind` says how its rows become a figure.

    "number": one value. "census": (how many, of how many), all of them counted. "share": the
    same as an estimate, with Wilson's interval. "ratio": (top, bottom) of each record, with the
    cluster bootstrap's interval. "table": rows under `columns` (pairs of Chinese and English).
    """

    name: str
    version: int
    kind: str
    zh: str
    en: str
    sql: str
    unit: str = ""
    columns: tuple[tuple[str, str], ...] = ()


_RECORDS = ("记录数", "records")
_FILES = ("文件数", "files")
_BYTES = ("字节", "bytes")
_FOLDERS = "folder IN (SELECT value FROM json_each(:folders))"
_ALL = (
    Query("records.count", 1, "number", "记录总数", "Records", "SELECT count(*) FROM records",
          "records"),
    Query("records.by_split", 1, "table", "各划分的记录数", "Records by split",
          "SELECT split, count(*) FROM records GROUP BY split ORDER BY min(position), split",
          columns=(("划分", "split"), _RECORDS)),
    Query("regions.count", 1, "number", "标注结果总数（框、片段、分类等）",
          "Results (boxes, spans, choices and the like)",
          "SELECT coalesce(sum(regions), 0) FROM records", "results"),
    Query("files.by_folder", 1, "table", "各文件夹的文件数与大小", "Files and bytes by folder",
          f"SELECT folder, count(*), sum(size) FROM files WHERE {_FOLDERS} GROUP BY folder"
          " ORDER BY folder", columns=(("文件夹", "folder"), _FILES, _BYTES)),
    Query("files.by_ending", 1, "table", "各类文件的数量与大小", "Files and bytes by ending",
          "SELECT replace(path, rtrim(path, replace(path, '.', '')), '') AS ending, count(*),"
          f" sum(size) FROM files WHERE {_FOLDERS} GROUP BY ending ORDER BY ending",
          columns=(("扩展名", "ending"), _FILES, _BYTES)),
    Query("media.types", 1, "table", "媒体类型", "Types of media",
          "SELECT content_type, count(*), sum(size) FROM media GROUP BY content_type"
          " ORDER BY content_type", columns=(("类型", "type"), ("数量", "number"), _BYTES)),
    Query("records.without_media", 1, "census", "只有文字或数值、没有媒体文件的记录",
          "Records of texts or numbers only, without media",
          "SELECT sum(media = 0), count(*) FROM records", "records"),
    Query("media.sizes", 1, "table", "图像尺寸（像素）", "Sizes of pictures in pixels",
          "WITH sizes(measure, size) AS (SELECT 'width', width FROM media UNION ALL"
          " SELECT 'height', height FROM media), placed AS (SELECT measure, size, row_number()"
          " OVER (PARTITION BY measure ORDER BY size) AS place, count(*) OVER (PARTITION BY"
          " measure) AS number FROM sizes WHERE size IS NOT NULL) SELECT measure, min(size),"
          " max(CASE WHEN place = (number + 1) / 2 THEN size END), max(size) FROM placed"
          " GROUP BY measure ORDER BY measure DESC",
          columns=(("量", "measure"), ("最小", "smallest"), ("中位", "median"),
                   ("最大", "largest"))),
    Query("records.grouped", 1, "census", "属于某一分组的记录（同组不拆开）",
          "Records in a group (a group is never divided)",
          "SELECT sum(grouped), count(*) FROM records", "records"),
    Query("labels.by_name", 1, "table", "各标签的数量", "Uses of each label",
          "SELECT label_names.label, label_names.title, coalesce(sum(labels.count), 0),"
          " count(labels.position) FROM label_names LEFT JOIN labels USING (label)"
          " GROUP BY label_names.place ORDER BY label_names.place",
          columns=(("标签", "label"), ("名称", "title"), ("次数", "uses"), _RECORDS)),
    Query("labels.by_split", 1, "table", "各划分中各标签的数量", "Uses of each label by split",
          "SELECT labels.label, split, sum(count) FROM labels JOIN records USING (position)"
          " LEFT JOIN label_names USING (label) GROUP BY labels.label, split"
          " ORDER BY label_names.place, labels.label, split",
          columns=(("标签", "label"), ("划分", "split"), ("次数", "uses"))),
    Query("labels.rare", 1, "census", "很少出现的标签（少于 :below 次）",
          "Labels that are rare (fewer than :below uses)",
          "SELECT sum(uses < :below), count(*) FROM (SELECT coalesce(sum(labels.count), 0) AS uses"
          " FROM label_names LEFT JOIN labels USING (label) GROUP BY label_names.place)", "labels"),
    Query("records.empty", 1, "census", "没有任何标注结果的记录", "Records without any result",
          "SELECT sum(regions = 0), count(*) FROM records", "records"),
    Query("records.first", 1, "table", "各划分的第一条记录", "The first record of each split",
          "SELECT split, key, regions FROM records WHERE position IN (SELECT min(position)"
          " FROM records GROUP BY split) ORDER BY position",
          columns=(("划分", "split"), ("记录标识", "record id"), ("结果数", "results"))),
    Query("people.annotators", 1, "number", "标注员人数", "Annotators",
          "SELECT count(DISTINCT annotator) FROM records", "people"),
    Query("people.reviewers", 1, "number", "审核员人数", "Reviewers",
          "SELECT count(DISTINCT reviewer) FROM records", "people"),
    Query("records.reviewed", 1, "census", "经人审核的记录", "Records that a person reviewed",
          "SELECT count(reviewer), count(*) FROM records", "records"),
    Query("records.prelabelled", 1, "table", "由模型预标注开始的记录",
          "Records that began from a model's pre-label",
          "SELECT model, weights, count(*) FROM records WHERE model IS NOT NULL"
          " GROUP BY model, weights ORDER BY model, weights",
          columns=(("模型", "model"), ("权重 SHA-256", "weights SHA-256"), _RECORDS)),
    Query("records.cleaned", 1, "table", "按清洗配方清洗过的记录",
          "Records that were cleaned by a recipe",
          "SELECT recipe, recipe_version, recipe_digest, count(*) FROM origins WHERE recipe IS NOT"
          " NULL GROUP BY recipe, recipe_version, recipe_digest ORDER BY recipe, recipe_version",
          columns=(("清洗配方", "recipe"), ("版本", "version"), ("步骤 SHA-256", "steps SHA-256"),
                   _RECORDS)),
    Query("records.by_guideline", 1, "table", "标注员读过的标注规范版本",
          "The version of the guideline that the annotator had read",
          "SELECT guideline, count(*) FROM records GROUP BY guideline ORDER BY guideline",
          columns=(("规范版本", "guideline"), _RECORDS)),
    Query("process.answers", 1, "table", "每条记录的标注份数", "Answers an item",
          "SELECT answers, count(*) FROM process GROUP BY answers ORDER BY answers",
          columns=(("份数", "answers"), _RECORDS)),
    Query("process.first_pass", 1, "share", "首次审核即通过的比例",
          "Share accepted unchanged at the first review",
          "SELECT coalesce(sum(first_review = 'accept'), 0), count(first_review) FROM process",
          "records"),
    Query("process.agreement", 1, "ratio", "标注一致性（两两得分均值，0–1）",
          "Agreement of annotators (mean score of pairs, 0–1)",
          "SELECT score_sum, pairs FROM process WHERE pairs > 0 ORDER BY position", "records"),
)  # fmt: skip
QUERIES = {(query.name, query.version): query for query in _ALL}


def newest(name: str) -> Query:
    """Return the newest version of a query."""
    return max((q for q in _ALL if q.name == name), key=lambda query: query.version)


def figure(
    evidence: Evidence, query: Query, parameters: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return what a query says of a release, with how many it rests on and how.

    A table has `rows`; the others have `value`, `number` and `method`, estimates also the ends
    `low` and `high` of a 95 % interval. What cannot be told has the value None.
    """
    given = dict(parameters or {})
    rows = evidence.rows(query.sql, given)
    found: dict[str, Any] = {
        "kind": "figure",
        "query": query.name,
        "version": query.version,
        "parameters": given,
    }
    if query.kind == "table":
        return {**found, "method": "census", "rows": [list(row) for row in rows]}
    if query.kind == "number":
        return {**found, "value": rows[0][0], "number": rows[0][0], "method": "census"}
    if query.kind == "census":
        top, bottom = rows[0][0] or 0, rows[0][1]
        share = round(top / bottom, PLACES) if bottom else None
        return {**found, "value": share, "count": top, "number": bottom, "method": "census"}
    if query.kind == "share":
        told = wilson(*rows[0])
    else:
        told = cluster_ratio([row[0] for row in rows], [row[1] for row in rows])
    ends = {
        name: None if value is None else round(value, PLACES)
        for name, value in (("value", told.value), ("low", told.low), ("high", told.high))
    }
    return {**found, **ends, "number": told.number, "method": told.method}
