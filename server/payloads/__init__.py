"""Read what was sent and say what is there, in Label Studio's shapes where it has the noun."""

from .answers import annotation, draft, prediction, review
from .chain import dataset, export, job, version
from .paging import check_page, page_number, paged
from .people import creator, user
from .projects import PROJECT_KEYS, counts, project
from .reading import (
    BODY_BYTES,
    answer,
    before,
    body,
    choice,
    flag,
    given_text,
    moment,
    number,
    numbers,
    optional_text,
    page_size,
    refuse_unknown,
    result,
    seconds,
    text,
    time,
)
from .tasks import shown_data, task

__all__ = [
    "BODY_BYTES",
    "PROJECT_KEYS",
    "annotation",
    "answer",
    "before",
    "body",
    "check_page",
    "choice",
    "counts",
    "creator",
    "dataset",
    "draft",
    "export",
    "flag",
    "given_text",
    "job",
    "moment",
    "number",
    "numbers",
    "optional_text",
    "page_number",
    "page_size",
    "paged",
    "prediction",
    "project",
    "refuse_unknown",
    "result",
    "review",
    "seconds",
    "shown_data",
    "task",
    "text",
    "time",
    "user",
    "version",
]
