"""Describe the routes of projects, tasks and what is said of them."""

from __future__ import annotations

from ...datasets import labelled
from .operations import CHOSEN, FILTERS, GONE, IDS, PAGING, WORDS, Operation, made, ok, query
from .schemas import (
    ANYTHING,
    FLAG,
    INTEGER,
    NUMBER,
    OBJECT,
    TEXT,
    form,
    listed,
    mapping,
    maybe,
    paged,
    record,
    ref,
)

_RESULT = listed(OBJECT)
_PROJECT = form(
    title=TEXT,
    description=TEXT,
    label_config=TEXT,
    expert_instruction=TEXT,
    maximum_annotations=INTEGER,
    color=TEXT,
    sampling=TEXT,
    skip_queue=TEXT,
    show_instruction=FLAG,
    show_skip_button=FLAG,
    enable_empty_annotation=FLAG,
    prelabel_control_percent=maybe(INTEGER),
    prelabel_display=TEXT,
    clean_percent=maybe(INTEGER),
    guideline_must_be_read=FLAG,
    exam_required=FLAG,
)
_CONFIG = form(label_config=TEXT)
_SEARCH = query(title=TEXT, search=TEXT, ids=TEXT, filter=TEXT, ordering=TEXT, include=TEXT)
_ANNOTATION = form(
    result=_RESULT,
    was_cancelled=FLAG,
    ground_truth=FLAG,
    lead_time=NUMBER,
    unique_id=TEXT,
    parent_prediction=INTEGER,
    parent_annotation=INTEGER,
)
_DRAFT = form(("result",), result=_RESULT, lead_time=NUMBER, was_postponed=FLAG)
_PREDICTION = form(("result",), task=INTEGER, result=_RESULT, score=NUMBER, model_version=TEXT)
_VIEW = form(project=INTEGER, data=OBJECT, order=INTEGER)
_SELECTION = form(filters=FILTERS, selectedItems=CHOSEN, ordering=WORDS)
_COMMENT = form(
    annotation=INTEGER, text=TEXT, is_resolved=FLAG, region_ref=ANYTHING, parent=INTEGER
)
_ASSIGNED = form(("users",), users=IDS, type=TEXT, selectedItems=CHOSEN, filters=FILTERS)
_PROJECT_ONLY = query(project=INTEGER)

OPERATIONS: dict[str, Operation] = {
    "projects_api.index": Operation(ok(paged(ref("SomeOfProject"))), {**PAGING, **_SEARCH}),
    "projects_api.counts": Operation(ok(paged(ref("ProjectCounts"))), {**PAGING, **_SEARCH}),
    "projects_api.create": Operation(made(ref("Project")), body=_PROJECT),
    "projects_api.show": Operation(ok(ref("Project"))),
    "projects_api.change": Operation(ok(ref("Project")), body=_PROJECT),
    "projects_api.delete": Operation(GONE),
    "projects_api.annotators": Operation(ok(listed(ref("Person")))),
    "configs.gallery": Operation(ok(record(templates=listed(OBJECT), groups=WORDS))),
    "configs.check": Operation({204: None, 400: mapping(WORDS)}, body=_CONFIG),
    "configs.check_for": Operation(
        ok(record(config_essential_data_has_changed=FLAG)), body=_CONFIG
    ),
    "configs.sample": Operation(ok(record(sample_task=OBJECT)), body=_CONFIG),
    "imports.create": Operation(
        {201: {"anyOf": [ref("Imported"), {"type": "object", "required": ["import"]}]}},
        query(
            return_task_ids=FLAG,
            commit_to_project=FLAG,
            preannotated_from_fields=TEXT,
            format={"type": "string", "enum": list(labelled.FORMATS)},
            **{"async": FLAG, "as": {"type": "string", "enum": list(labelled.KEPT_AS)}},
        ),
        {"anyOf": [listed(OBJECT), OBJECT]},
        takes_files=True,
    ),
    "imports.again": Operation(made(ref("Imported")), body=form(file_upload_ids=IDS)),
    "imports.show": Operation(ok(ref("ImportStatus"))),
    "uploads.index": Operation(ok(listed(ref("FileUpload"))), query(all=FLAG, ids=TEXT)),
    "uploads.delete_many": Operation(ok(record(deleted=INTEGER)), body=form(file_upload_ids=IDS)),
    "uploads.show": Operation(ok(ref("FileUpload"))),
    "uploads.change": Operation(ok(ref("FileUpload")), body=OBJECT),
    "uploads.delete": Operation(GONE),
    "tasks_lists.index": Operation(
        ok(
            record(
                total_annotations=INTEGER,
                total_predictions=INTEGER,
                total=INTEGER,
                tasks=listed(ref("ListedTask")),
            )
        ),
        {
            **PAGING,
            **query(
                project=INTEGER,
                view=INTEGER,
                fields={"enum": ["task_only", "all"]},
                include=TEXT,
                query=TEXT,
                only_annotated=FLAG,
            ),
        },
    ),
    "tasks_lists.of_project": Operation(ok(listed(ref("TaskWithAnswers"))), PAGING),
    "tasks_api.create": Operation(
        made(ref("Task")), body=form(project=INTEGER, data=OBJECT, meta=OBJECT)
    ),
    "tasks_api.show": Operation(ok(ref("OpenedTask"))),
    "tasks_api.change": Operation(ok(ref("TaskWithAnswers")), body=form(data=OBJECT, meta=OBJECT)),
    "tasks_api.delete": Operation(GONE),
    "tasks_api.delete_all": Operation(GONE),
    "assignments.api_next": Operation(ok(ref("TaskToLabel"))),
    "assignments.workbench_next": Operation(ok(ref("WorkbenchTask"))),
    "assignments.workbench_ahead": Operation(
        ok(listed(ref("WorkbenchTask"))), query(number=INTEGER)
    ),
    "assignments.workbench_take": Operation(ok(ref("WorkbenchTask"))),
    "assignments.workbench_task": Operation(ok(ref("WorkbenchTask"))),
    "annotations.index": Operation(ok(listed(ref("Annotation")))),
    "annotations.create": Operation(made(ref("TakenAnnotation")), body=_ANNOTATION),
    "annotations.create_many": Operation(
        made(listed(ref("Annotation"))), body=form(tasks=IDS, result=_RESULT)
    ),
    "annotations.delete_many": Operation(
        ok(record(deleted=INTEGER)), body=form(project=INTEGER, ids=IDS)
    ),
    "annotations.show": Operation(ok(ref("Annotation"))),
    "annotations.change": Operation(ok(ref("Annotation")), body=_ANNOTATION),
    "annotations.delete": Operation(GONE),
    "annotations.history": Operation(
        ok(listed(ref("AnnotationHistory"))), query(annotation=INTEGER)
    ),
    "drafts.index": Operation(ok(listed(ref("Draft")))),
    "drafts.create": Operation(made(ref("Draft")), body=_DRAFT),
    "drafts.index_of_change": Operation(ok(listed(ref("Draft")))),
    "drafts.create_change": Operation(made(ref("Draft")), body=_DRAFT),
    "drafts.show": Operation(ok(ref("Draft"))),
    "drafts.change": Operation(ok(ref("Draft")), body=_DRAFT),
    "drafts.delete": Operation(GONE),
    "predictions.index": Operation(
        ok(listed(ref("Prediction"))), query(task=INTEGER, project=INTEGER)
    ),
    "predictions.create": Operation(made(ref("Prediction")), body=_PREDICTION),
    "predictions.show": Operation(ok(ref("Prediction"))),
    "predictions.change": Operation(ok(ref("Prediction")), body=_PREDICTION),
    "predictions.delete": Operation(GONE),
    "predictions.bring": Operation(made(record(created=INTEGER)), body=listed(_PREDICTION)),
    "predictions.versions": Operation(ok(OBJECT), query(extended=FLAG)),
    "predictions.delete_version": Operation(
        ok(record(deleted_predictions=INTEGER)), body=form(model_version=TEXT)
    ),
    "reviews.index": Operation(
        ok(listed(ref("AnnotationReview"))),
        query(annotation=INTEGER, annotation__task__project=INTEGER),
    ),
    "reviews.create": Operation(
        made(ref("AnnotationReview")),
        body=form(annotation=INTEGER, accepted=FLAG, comment=TEXT, result=_RESULT),
    ),
    "reviews.show": Operation(ok(ref("AnnotationReview"))),
    "reviews.api_next": Operation(ok(ref("WorkbenchTask"))),
    "reviews.api_judge": Operation(
        made(ref("Review")),
        body=form(verdict=TEXT, reason=TEXT, code=maybe(TEXT), result=maybe(_RESULT)),
    ),
    "comments.index": Operation(
        ok(listed(ref("Comment"))),
        {
            **PAGING,
            **query(projects=TEXT, annotation=INTEGER, task=INTEGER, expand_created_by=FLAG),
        },
    ),
    "comments.create": Operation(made(ref("Comment")), body=_COMMENT),
    "comments.show": Operation(ok(ref("Comment"))),
    "comments.change": Operation(ok(ref("Comment")), body=_COMMENT),
    "comments.delete": Operation(GONE),
    "team.members": Operation(ok(paged(ref("ProjectMember"))), PAGING),
    "team.assignees": Operation(ok(listed(ref("Assignee")))),
    "team.assign": Operation(made(ref("Assignee")), body=_ASSIGNED),
    "team.unassign": Operation(ok(record(removed=INTEGER)), query(users=TEXT)),
    "team.assign_many": Operation(ok(record(assignments=INTEGER)), body=_ASSIGNED),
    "views.index": Operation(ok(listed(ref("View"))), _PROJECT_ONLY),
    "views.create": Operation(made(ref("View")), body=_VIEW),
    "views.show": Operation(ok(ref("View"))),
    "views.change": Operation(ok(ref("View")), body=_VIEW),
    "views.delete": Operation(GONE),
    "views.reset": Operation(GONE, _PROJECT_ONLY, form(project=INTEGER)),
    "views.order": Operation({200: None}, body=form(project=INTEGER, ids=IDS)),
    "views.columns": Operation(ok(record(columns=listed(OBJECT))), _PROJECT_ONLY),
    "views.project": Operation(ok(ref("ManagedProject")), _PROJECT_ONLY),
    "actions.index": Operation(ok(listed(OBJECT)), _PROJECT_ONLY),
    "actions.perform": Operation(
        ok(OBJECT), query(id=TEXT, project=INTEGER, tabID=INTEGER), _SELECTION
    ),
}
