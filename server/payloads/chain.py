"""Say what jobs, versions, exports and published datasets are, in our own shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ...datasets import errors, jobs
from ...datasets.catalogue import Dataset, Release
from ...datasets.exports import Export
from ...datasets.jobs import Job
from ...datasets.versions import Version
from .. import errors as server_errors
from .reading import time


def job(row: Job) -> dict[str, Any]:
    """Return a job, its error in the reader's language.

    `last_problem` is why the last attempt of one that goes on did not succeed.
    """
    problem = None if row.error is None else server_errors.words(errors.from_json(row.error))
    has_ended = row.state in jobs.ENDED
    return {
        "id": row.id,
        "kind": row.kind,
        "project": row.project_id,
        "state": row.state,
        "done": row.done,
        "total": row.total,
        "rate": jobs.rate(row),
        "remaining_seconds": jobs.remaining_seconds(row),
        "attempt": row.attempt,
        "queue": row.queue,
        "not_before": time(row.not_before),
        "result": row.result_values,
        "error": problem if has_ended else None,
        "last_problem": None if has_ended else problem,
        "created_at": time(row.created_at),
        "started_at": time(row.started_at),
        "ended_at": time(row.ended_at),
    }


def version(row: Version) -> dict[str, Any]:
    """Return a version."""
    return {
        "id": row.id,
        "project": row.project_id,
        "tag": row.tag,
        "commit_id": row.commit_id,
        "manifest_sha256": row.manifest_digest,
        "records": row.records,
        "statistics": row.statistics_values,
        "seed": row.seed,
        "fractions": msgspec.json.decode(row.fractions),
        "created_at": time(row.created_at),
    }


def export(row: Export) -> dict[str, Any]:
    """Return an export."""
    return {
        "id": row.id,
        "version": row.version_id,
        "format": row.format,
        "records": row.records,
        "regions": row.regions,
        "size": row.size,
        "manifest_sha256": row.manifest_digest,
        "created_at": time(row.created_at),
    }


def dataset(row: Dataset, releases: Sequence[Release]) -> dict[str, Any]:
    """Return a catalogue entry with its releases, newest first."""
    return {
        "name": row.full_name,
        "title": row.title,
        "title_en": row.title_en,
        "description": row.description,
        "licence": row.licence,
        "keywords": row.keyword_list,
        "downloads": row.downloads,
        "project": row.project_id,
        "releases": [
            {
                "tag": each.tag,
                "commit_id": each.commit_id,
                "records": each.records,
                "size": each.size,
                "published_at": time(each.published_at),
            }
            for each in releases
        ],
    }
