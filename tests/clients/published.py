"""Publish small datasets the way the platform does, for clients to read."""

from __future__ import annotations

import datetime as dt
import io
import json
import random
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image
from sqlalchemy.orm import Session

from jinbiao.datasets import audit, catalogue, migrations, people, projects
from jinbiao.datasets.db import Database, now
from jinbiao.datasets.exports import WrittenFile
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.storage import ObjectStore
from jinbiao.datasets.versions import Version
from jinbiao.tests import factories

OWNER, NAME = "tianjin", "weld-seams"
FULL_NAME = f"{OWNER}/{NAME}"
# The same files again: open under conditions, and closed.
GATED, CLOSED = "gated-seams", "closed-seams"
BUILDERS = 5  # one for each generation of a client
# One file that no client reads in a single gulp.
LARGE, LARGE_SIZE = "large-seams", 24 * 2**20
FIRST, SECOND = "v1.0.0", "v1.1.0"
COMMITS = {FIRST: "1" * 39 + "a", SECOND: "2" * 39 + "b"}
GUIDE = "说明/标注 规范 #1 100%.md"
GUIDE_TEXT = "# 标注规范\n\n焊缝要框完整。\n"
CONFIG = """<View><Image name="image" value="$image"/>
<RectangleLabels name="box" toName="image"><Label value="气孔"/></RectangleLabels></View>"""

CARD = {
    "pretty_name": "焊缝缺陷",
    "license": "cc-by-4.0",
    "language": ["zh"],
    "task_categories": ["object-detection"],
    "configs": [
        {
            "config_name": "default",
            "default": True,
            "data_files": [
                {"split": "train", "path": "data/train-*.parquet"},
                {"split": "test", "path": "data/test-*.parquet"},
            ],
        }
    ],
}
README = f"""---
pretty_name: 焊缝缺陷
license: cc-by-4.0
language:
- zh
task_categories:
- object-detection
configs: {json.dumps(CARD["configs"])}
---

# 焊缝缺陷
"""
FEATURES = {
    "image": {"_type": "Image"},
    "name": {"dtype": "string", "_type": "Value"},
    "labels": {"feature": {"dtype": "string", "_type": "Value"}, "_type": "Sequence"},
}


def picture(number: int) -> bytes:
    """Draw a picture of one colour that tells its number."""
    out = io.BytesIO()
    Image.new("RGB", (16, 12), (number % 256, 80, 160)).save(out, "PNG")
    return out.getvalue()


def parquet(first: int, count: int) -> bytes:
    """Write records with pictures so that all generations of `datasets` show images."""
    numbers = range(first, first + count)
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    table = pa.table(
        {
            "image": pa.array(
                [{"bytes": picture(n), "path": f"{n:04}.png"} for n in numbers], image
            ),
            "name": [f"焊缝 {n:04}" for n in numbers],
            "labels": pa.array([["气孔"] * (n % 3) for n in numbers], pa.list_(pa.string())),
        }
    )
    told = json.dumps({"info": {"features": FEATURES}})
    out = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({"huggingface": told}), out)
    return out.getvalue()


def tree(shards: int) -> dict[str, bytes]:
    """Return the files of a release with so many train shards of 5 records."""
    files = {
        "README.md": README.encode(),
        "data/test-00000-of-00001.parquet": parquet(900, 3),
        "coco/annotations.json": b'{"images": []}',
        "coco/masks/deep/a.txt": b"a",
        GUIDE: GUIDE_TEXT.encode(),
        "empty.txt": b"",
        "page.html": b"<script>alert(1)</script>",
    }
    for shard in range(shards):
        path = f"data/train-{shard:05}-of-{shards:05}.parquet"
        files[path] = parquet(shard * 5, 5)
    return files


def release(
    database: Database,
    name: str,
    tag: str,
    commit: str,
    files: list[WrittenFile],
    *,
    title: str = "焊缝缺陷 Weld seams",
    licence: str = "CC-BY-4.0",
    facts: catalogue.Facts | None = None,
) -> None:
    """Publish files as a version of a dataset of the one project."""
    with database.write() as session:
        owner = people.get_user(session, "owner")
        project = projects.find(session, owner, "焊缝")
        version = Version(
            project_id=project.id,
            tag=tag,
            commit_id=commit,
            records=len(files),
            label_config=CONFIG,
            parsed_label_config=project.parsed_label_config,
            seed=1,
            fractions="{}",
            created_by=owner.id,
        )
        session.add(version)
        session.flush()
        dataset = catalogue.open_dataset(
            session,
            owner,
            project,
            name,
            title=title,
            description="焊缝表面缺陷的图片。",
            licence=licence,
            keywords=["焊缝", "weld"],
            task_categories=["object-detection"],
            facts=facts or factories.facts(),
        )
        catalogue.publish(
            session,
            owner,
            dataset,
            version,
            files,
            card=json.dumps(CARD, ensure_ascii=False),
            notes=f"发布 {tag}\n\n细节",
        )


# What somebody says who applies, as the page of a dataset asks for it.
APPLICATION = {
    "applicant_type": "natural_person",
    "contact_name": "李明",
    "contact_phone": "13800000000",
    "contact_email": "li@builders.example",
    "purpose": "训练缺陷检测模型",
    "scenario": "工厂质检",
    "requested_items": "全部",
    "access_method": "files",
    "term_days": 30,
    "security_statement": "只在内网使用",
    "commitment": True,
    "signature": "李明",
}


def fill(installation: Installation) -> str:
    """Publish two releases of one dataset; return a valid token."""
    database = installation.database
    migrations.METADATA.create_all(database.engine)
    with database.write() as session:
        session.add(audit.AuditHead(id=1, length=0, hash=audit.FIRST_HASH))
        organisation = people.add_organisation(session, OWNER, "天津")
        owner, _password = people.add_user(
            session, "owner", role="requester", organisation=organisation, password="long enough 1"
        )
        projects.create(session, owner, title="焊缝", label_config=CONFIG)
        _token, secret = people.add_token(session, owner)
    for shards, tag in ((1, FIRST), (2, SECOND)):
        files = stored(installation.store, tree(shards))
        release(database, NAME, tag, COMMITS[tag], files)
    return secret


@dataclass(frozen=True)
class Tokens:
    """Who may ask for what: the publisher, somebody elsewhere, and tokens that are no good."""

    owner: str
    builders: tuple[str, ...]
    expired: str
    revoked: str


def fill_guarded(installation: Installation, owner: str, large: int = 1000) -> Tokens:
    """Publish a dataset under conditions, a closed one and a large one; return who asks.

    The model builders `builder-0`, … may apply and have not done so.
    """
    database = installation.database
    files = stored(installation.store, tree(1))
    told = {
        "data_level": "general",
        "rights_basis": "self_produced",
        "provider": "天津",
        "provider_code": factories.CREDIT_CODE,
        "domain": "industry",
        "update_cycle": "yearly",
        "open_condition": "仅用于研究",
    }
    for number, (name, openness) in enumerate(((GATED, "conditional"), (CLOSED, "closed"))):
        facts = catalogue.Facts(openness=openness, **told)
        tag, commit = f"v1.0.{number + 1}", f"{number + 3}" * 40
        release(database, name, tag, commit, files, facts=facts)
    bytes_of_it = stored(installation.store, {"large.bin": large_file(large)})
    release(database, LARGE, "v1.0.3", "5" * 40, bytes_of_it, licence="MIT")
    with database.write() as session:
        company = people.add_organisation(session, "builders", "模型公司")
        secrets = [_builder(session, company, number) for number in range(BUILDERS)]
        person = people.get_user(session, "builder-0")
        ended, expired = people.add_token(session, person)
        ended.expires_at = now() - dt.timedelta(days=1)
        withdrawn, revoked = people.add_token(session, person)
        withdrawn.revoked_at = now()
    return Tokens(owner, tuple(secrets), expired, revoked)


def large_file(size: int = LARGE_SIZE) -> bytes:
    """Return so many bytes, no range of which is like another."""
    return random.Random(6).randbytes(size)


def _builder(session: Session, company: people.Organisation, number: int) -> str:
    builder, _password = people.add_user(
        session,
        f"builder-{number}",
        role="model_builder",
        organisation=company,
        password="long enough 1",
    )
    _token, secret = people.add_token(session, builder)
    return secret


def stored(store: ObjectStore, files: dict[str, bytes]) -> list[WrittenFile]:
    """Put files into the store and say where they are."""
    written = []
    for path, data in files.items():
        put = store.put_bytes(data)
        written.append(WrittenFile(path, put.digest, put.size))
    return written
