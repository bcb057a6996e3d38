"""Read what was sent and say what is there, in Label Studio's shapes where it has the noun."""

from .answers import annotation, draft, prediction, review
from .chain import dataset, export, job, version
from .people import user
from .projects import project
from .reading import (
    BODY_BYTES,
    answer,
    before,
    body,
    choice,
    given_text,
    moment,
    number,
    optional_text,
    page_size,
    result,
    seconds,
    text,
    time,
)
from .tasks import shown_data, task

__all__ = [
    "BODY_BYTES",
    "annotation",
    "answer",
    "before",
    "body",
    "choice",
    "dataset",
    "draft",
    "export",
    "given_text",
    "job",
    "moment",
    "number",
    "optional_text",
    "page_size",
    "prediction",
    "project",
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
