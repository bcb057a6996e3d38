"""Fill a catalogue with many datasets at once, as different from each other as real ones."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa

from jinbiao.datasets import catalogue, people
from jinbiao.datasets.catalogue import facets, indexing, words
from jinbiao.datasets.catalogue.facets import CatalogueStamp, DatasetFacets
from jinbiao.datasets.catalogue.words import DatasetWord
from jinbiao.datasets.db import Base, count_anew, insert_many
from jinbiao.datasets.downloads import DownloadDay, today
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.versions import Version, VersionRecord, record_digest
from jinbiao.tests import factories

THINGS = (
    "焊缝 电路板 轴承 齿轮 钢板 铸件 道路 车牌 行人 车辆"
    " 海河 港口 集装箱 船舶 病历 影像 处方 政务 热线 工单 发票 合同 公文 新闻 语音 方言"
    " 手语 气象 遥感 农田 水稻 小麦 果树 树木 垃圾 消防 井盖 路灯 桥梁 隧道"
).split()
WHATS = (
    "缺陷检测 目标检测 图像分类 语义分割 实体识别 情感分析 文本分类 语音识别 关键点"
    " 关系抽取 质量评价 异常检测"
).split()
WHERES = "天津市 滨海新区 和平区 河西区 南开区 东疆港 武清区 静海区 全国 华北".split()
SENTENCES = (
    "由一线作业现场采集，经清洗、预标注和人工审核形成，适用于模型训练与评测。",
    "标注规范由行业专家制定，每条数据由两人独立标注并经仲裁。",
    "数据覆盖不同时段、光照和设备，已去除个人信息。",
    "按训练、验证和测试三部分划分，附带基线模型的结果。",
)
LICENCES = ("CC-BY-4.0", "CC0-1.0", "CC-BY-SA-4.0", "MulanPSL-2.0", "other")
TASKS = ("object-detection", "image-classification", "token-classification", "text-classification")
ORGANISATIONS = 60
BATCH = 1000
FILES = ("README.md", "data/train-00000-of-00001.parquet", "manifest.jsonl", "records/train.jsonl")


@dataclass(frozen=True)
class Filled:
    """What was filled: full names of some datasets."""

    names: list[str]


def fill(installation: Installation, number: int) -> Filled:
    """Publish `number` datasets in bulk, each with two releases of one real version."""
    chance = random.Random(7)
    with installation.database.write() as session:
        team = factories.team(session)
        homes = [
            people.add_organisation(session, f"office-{place}", f"{WHERES[place % 10]}某局{place}")
            for place in range(ORGANISATIONS)
        ]
    factories.accepted(installation, team, factories.tasks(installation, team, 60))
    versions = [factories.frozen(installation, team), factories.frozen(installation, team, seed=1)]
    names = []
    for start in range(0, number, BATCH):
        with installation.database.write() as session:
            rows = [
                _dataset(chance, place, homes) for place in range(start, min(start + BATCH, number))
            ]
            names += [
                f"{homes[row['organisation_id'] - homes[0].id].slug}/{row['name']}"
                for row in rows[:20]
            ]
            for row in rows:
                row["project_id"] = team.project.id
            insert_many(session, catalogue.Dataset, rows)
            insert_many(session, catalogue.Release, _releases(rows, versions, team))
            insert_many(session, catalogue.ReleaseFile, _files(rows))
            _index(session, rows, homes)
            insert_many(session, DownloadDay, _days(chance, rows))
    with installation.database.write() as session:
        session.execute(sa.delete(CatalogueStamp))
        session.add(CatalogueStamp(id=1, number=1))
        _follow_sequences(session)
    with installation.database.engine.connect().execution_options(
        isolation_level="AUTOCOMMIT"
    ) as connection:
        connection.exec_driver_sql(
            "ANALYZE" if installation.database.is_sqlite else "VACUUM ANALYZE"
        )
    return Filled(names)


def _dataset(chance: random.Random, place: int, homes: list[people.Organisation]) -> dict[str, Any]:
    thing, what, where = chance.choice(THINGS), chance.choice(WHATS), chance.choice(WHERES)
    home = chance.choice(homes)
    made = dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=chance.randrange(400_000))
    title = f"{where}{thing}{what}数据集"
    description = f"{title}。{''.join(chance.sample(SENTENCES, 3))}"
    keywords = [thing, what, chance.choice(THINGS)]
    return {
        "id": place + 1,
        "organisation_id": home.id,
        "name": f"set-{place}",
        "title": title,
        "title_en": f"Data set {place}",
        "description": description,
        "licence": chance.choice(LICENCES),
        "keywords": msgspec.json.encode(keywords).decode(),
        "task_categories": msgspec.json.encode([chance.choice(TASKS)]).decode(),
        "openness": chance.choices(("open", "conditional", "closed"), (90, 8, 2))[0],
        "data_level": "general",
        "domain": chance.choice(catalogue.DOMAINS),
        "dataset_class": chance.choice([str(each) for each in catalogue.DatasetClass]),
        "uid": str(uuid.UUID(int=place)),
        "ckan_name": f"set-{place}",
        "search_text": f"{home.slug}/set-{place} {title} {description} {' '.join(keywords)}",
        "downloads": int(chance.paretovariate(0.8)),
        "newest_id": 2 * place + 2,
        "created_at": made,
        "modified_at": made + dt.timedelta(minutes=chance.randrange(50_000)),
    }


def _releases(
    rows: list[dict[str, Any]], versions: list[Version], team: factories.Team
) -> list[dict[str, Any]]:
    found = []
    for row in rows:
        for place, version in enumerate(versions):
            found.append(
                {
                    "id": row["newest_id"] - 1 + place,
                    "dataset_id": row["id"],
                    "version_id": version.id,
                    "tag": version.tag,
                    "commit_id": version.commit_id,
                    "notes": "",
                    "kind": "release",
                    "uid": str(uuid.UUID(int=10**9 + 2 * row["id"] + place)),
                    "card": '{"language":["zh"]}',
                    "has_withheld": False,
                    "records": version.records,
                    "size": 10_000,
                    "published_by": team.requester.id,
                    "published_at": row["created_at"],
                }
            )
    return found


def _files(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"release_id": row["newest_id"], "path": path, "digest": "f" * 64, "size": 1000}
        for row in rows
        for path in FILES
    ]


def _index(session: Any, rows: list[dict[str, Any]], homes: list[people.Organisation]) -> None:
    tokens, said = [], []
    by_id = {home.id: home for home in homes}
    for row in rows:
        dataset = catalogue.Dataset(**row)
        dataset.organisation = by_id[row["organisation_id"]]
        values = facets.values_of(dataset, ("jsonl", "parquet"), ("zh",))
        weights = {facets.token(facet, value): 0 for facet, value in values}
        weights |= words.weighed(indexing._fields(dataset))
        tokens += [
            {"token": token, "dataset_id": row["id"], "weight": weight}
            for token, weight in weights.items()
        ]
        lines = "\n".join(facets.token(facet, value) for facet, value in values)
        about = {"dataset_id": row["id"], "organisation_id": row["organisation_id"]}
        said.append({**about, "openness": row["openness"], "said": lines})
    session.expunge_all()
    insert_many(session, DatasetWord, tokens)
    insert_many(session, DatasetFacets, said)


def _days(chance: random.Random, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give each dataset a few days with downloads by two protocols."""
    return [
        {
            "dataset_id": row["id"],
            "day": today() - dt.timedelta(days=day),
            "client": client,
            "downloads": chance.randrange(1, 9),
            "visitors": 1,
        }
        for row in rows
        for day in chance.sample(range(90), 5)
        for client in ("hub", "archive")
    ]


def _follow_sequences(session: Any) -> None:
    """Let PostgreSQL number new rows after those that were numbered here."""
    if session.get_bind().dialect.name == "sqlite":
        return
    for name in ("datasets", "releases"):
        session.execute(sa.text(f"SELECT setval('{name}_id_seq', (SELECT max(id) FROM {name}))"))


def two_versions(installation: Installation, records: int) -> tuple[Any, Any]:
    """Publish two releases of so many records in bulk; every tenth differs."""
    with installation.database.write() as session:
        team = factories.team(session)
    factories.accepted(installation, team, factories.tasks(installation, team, 1))
    releases = []
    for seed in (2, 3):
        version = factories.frozen(installation, team, seed=seed)
        with installation.database.write() as session:
            row = session.get_one(VersionRecord, (version.id, 0))
            line = msgspec.json.decode(str(row.line))
            session.delete(row)
            session.flush()
            session.get_one(Version, version.id).records = records
            _fill_records(session, version.id, line, records, seed)
            # As freezing does.
            count_anew(session, VersionRecord)
        release = factories.published(installation, team, version, "large")
        with installation.database.write() as session:
            session.get_one(catalogue.Release, release.id).records = records
        releases.append(release)
    return releases[0], releases[1]


def _fill_records(
    session: Any, version_id: int, line: dict[str, Any], records: int, seed: int
) -> None:
    rows = []
    for place in range(records):
        number = place if place % 100 else place + records * seed
        result = line["result"] if place % 10 else [{"seed": seed}]
        said = msgspec.json.encode({**line, "key": f"{number:064x}", "result": result})
        rows.append(
            {
                "version_id": version_id,
                "position": place,
                "task_id": 1,
                "annotation_id": 1,
                "key": f"{number:064x}",
                "split": "train",
                "line": said.decode(),
                "digest": record_digest(said),
            }
        )
    insert_many(session, VersionRecord, rows)


__all__ = ["Base", "Filled", "fill", "two_versions"]
