"""Describe the routes of guidelines and examinations."""

from __future__ import annotations

from .operations import Operation, made, ok, query
from .schemas import FLAG, INTEGER, NUMBER, TEXT, form, listed, maybe, record, ref

_NUMBERS = ("questions", "minutes", "attempts", "wait_hours", "valid_days")
_EXAM = form(
    **{name: INTEGER for name in _NUMBERS},
    title=TEXT,
    source=TEXT,
    pass_mark_percent=INTEGER,
    threshold_percent=INTEGER,
    gives_feedback=FLAG,
    required=FLAG,
)
_STANDING = record(
    exam=maybe(ref("Exam")),
    admission=maybe(
        record(
            id=INTEGER,
            is_valid=FLAG,
            valid_to=maybe(TEXT),
            suspended_at=maybe(TEXT),
            reason=TEXT,
        )
    ),
    attempts=listed(ref("ExamAttempt")),
)

OPERATIONS: dict[str, Operation] = {
    "guidelines.api_show": Operation(ok(ref("ReadGuideline")), query(version=INTEGER)),
    "guidelines.api_publish": Operation(
        made(ref("Guideline")),
        body=form(("text",), text=TEXT, note=TEXT, kind=TEXT, after=INTEGER),
    ),
    "guidelines.api_acknowledge": Operation(
        ok(record(acknowledged=INTEGER)), body=form(("version",), version=INTEGER)
    ),
    "exams.api_show": Operation(ok(_STANDING)),
    "exams.api_create": Operation(made(ref("Exam")), body=_EXAM),
    "exams.api_start": Operation(made(ref("ExamAttempt"))),
    "exams.api_attempt": Operation(ok(ref("ExamAttempt"))),
    "exams.api_next": Operation(ok(ref("ExamQuestion"))),
    "exams.api_answer": Operation(
        made(record(id=INTEGER, state=TEXT)),
        body=form(("task",), task=INTEGER, result=listed({"type": "object"}), was_cancelled=FLAG),
    ),
    "comments.index_of_people": Operation(
        ok(listed(record(username=TEXT, name=TEXT))), query(annotation=INTEGER)
    ),
}

_GUIDELINE = {
    "version": INTEGER,
    "kind": TEXT,
    "text": TEXT,
    "note": TEXT,
    "published_by": INTEGER,
    "published_at": TEXT,
}
_SCORE = record(
    value=maybe(NUMBER), low=maybe(NUMBER), high=maybe(NUMBER), number=INTEGER, method=TEXT
)
_RESULT = listed({"type": "object"})

SCHEMAS = {
    "Guideline": record(**_GUIDELINE),
    "ReadGuideline": record(**_GUIDELINE, acknowledged=maybe(INTEGER)),
    "Exam": record(
        id=INTEGER,
        project=INTEGER,
        title=TEXT,
        questions=INTEGER,
        pass_mark=NUMBER,
        threshold=NUMBER,
        minutes=INTEGER,
        attempts=INTEGER,
        wait_hours=INTEGER,
        valid_days=INTEGER,
        gives_feedback=FLAG,
        created_at=TEXT,
    ),
    "ExamAttempt": record(
        ("answers",),
        id=INTEGER,
        exam=INTEGER,
        number=INTEGER,
        state=TEXT,
        started_at=TEXT,
        ends_at=TEXT,
        ended_at=maybe(TEXT),
        questions=INTEGER,
        score=maybe(_SCORE),
        answers=listed(
            record(
                task=INTEGER,
                agreement=maybe(NUMBER),
                is_right=maybe(FLAG),
                result=maybe(_RESULT),
                truth=_RESULT,
            )
        ),
    ),
    "ExamQuestion": record(
        id=INTEGER,
        project=INTEGER,
        name=TEXT,
        group=TEXT,
        state=TEXT,
        data={"type": "object"},
        annotations=_RESULT,
        predictions=_RESULT,
        drafts=_RESULT,
        label_config=TEXT,
        instruction=TEXT,
        place=INTEGER,
    ),
}
