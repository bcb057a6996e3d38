"""Give templates the words and forms that every page shares: times, sizes, states."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import flask
from flask_babel import get_locale, gettext
from markupsafe import Markup

from ..datasets import errors, jobs, permissions
from ..datasets.dashboards import Label, Said
from ..datasets.db import now
from ..datasets.jobs import Job
from ..datasets.people import User
from ..datasets.sizes import size
from ..exporters.formats import FORMATS
from ..workers.models import MODELS
from . import acts, facts, homes, navigation, reasons, refusals, sections
from . import errors as server_errors
from .opening import words as opening_words

ZONE = ZoneInfo("Asia/Shanghai")
# What took less has no rate: its time, in whole seconds, would contradict it.
_SHORTEST_SECONDS = 5


def register(app: flask.Flask) -> None:
    """Make the filters and functions known to the templates."""
    app.jinja_env.filters.update(
        time=time,
        size=size,
        number=number,
        state=state,
        role=role,
        scope=scope,
        model=model,
        place=reasons.place,
        act=acts.act,
        percent=percent,
        duration=duration,
        kind=kind,
        job_kind=job_kind,
        format_title=format_title,
        queue=queue,
        age=age,
        said=said,
        signed_percent=signed_percent,
        as_json=as_json,
        words=server_errors.words,
        told=told,
        in_words=in_words,
    )
    homes.register(app)
    facts.register(app)
    refusals.register(app)
    opening_words.register(app)
    app.jinja_env.globals.update(
        sections_of=sections.of_project, ways=navigation.ways, is_here=navigation.is_here
    )
    app.jinja_env.globals.update(may=may, rate_of=rate, seconds_left=jobs.remaining_seconds)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True


def may(action: str, owned: permissions.Owned | None = None) -> bool:
    """Tell whether the person's role has the right, with this thing if one is given."""
    who: User | None = flask.g.get("user")
    if who is None or owned is None:
        return who is not None and permissions.allows(who, action)
    return permissions.would(who, action, owned)


def time(value: dt.datetime | str | None) -> Markup:
    """Write a time in Shanghai, the exact one for machines beside it."""
    if value is None:
        return Markup("—")
    if isinstance(value, str):
        value = dt.datetime.fromisoformat(value)
    local = value.astimezone(ZONE)
    return Markup('<time datetime="{}">{}</time>').format(
        value.isoformat(), local.strftime("%Y-%m-%d %H:%M")
    )


def number(value: int | None) -> str:
    """Write a whole number with thin grouping."""
    return "—" if value is None else f"{value:,}".replace(",", "\u202f")


def percent(value: float) -> str:
    """Write a share as a percentage."""
    return f"{value * 100:.0f} %"


def duration(seconds: float | None) -> str:
    """Write a duration in minutes and seconds."""
    if seconds is None:
        return "—"
    whole = round(seconds)
    if whole < 60:
        return gettext("%(seconds)s s", seconds=whole)
    if whole >= 3600:
        return gettext("%(hours)s h %(minutes)s min", hours=whole // 3600, minutes=whole // 60 % 60)
    return gettext("%(minutes)s min %(seconds)s s", minutes=whole // 60, seconds=whole % 60)


def age(moment: dt.datetime) -> str:
    """Write how long ago a moment was."""
    return duration(max((now() - moment).total_seconds(), 0.0))


def state(value: str) -> str:
    """Return the word for a state of a task, annotation or job."""
    return gettext(_STATES.get(value, value))


def role(value: str) -> str:
    """Return the word for a role."""
    return gettext(_ROLES.get(value, value))


def scope(value: str) -> str:
    """Return the words for what a token may be used for."""
    return gettext(_SCOPES.get(value, value))


def model(version: str) -> str:
    """Return the words for a version of a model; those of others speak for themselves."""
    name, *rest = version.split() or [""]
    if name not in MODELS:
        return version
    told = (gettext("untrained") if part == "untrained" else part for part in rest)
    return " ".join([said(MODELS[name].card()["title"]), *told])


def told(value: Said | Label) -> str:
    """Put a message with its values, or a label, into the reader's language."""
    if isinstance(value, Label):
        return label_word(value.name, value.title)
    values = {
        name: told(each) if isinstance(each, Label) else each for name, each in value.values.items()
    }
    return gettext(value.message) % values


def label_word(name: str, title: str) -> str:
    """Return what a reader calls a label: its title, or its name in English if it is a word."""
    is_a_word = name.upper() != name.lower()
    return str(said({"zh": title, "en": name if is_a_word else title}))


def in_words(plot: Mapping[str, Any]) -> dict[str, Any]:
    """Give the series of a plot that are named by a state the word for it."""
    series = [
        {**each, "name": state(each["name"])} if "name" in each else each
        for each in plot.get("series", ())
    ]
    return {**plot, "series": series}


def said(value: Any) -> Any:
    """Return what a model's card says in the reader's language; what is plain stays as it is."""
    if not isinstance(value, Mapping):
        return value
    locale = get_locale()
    is_english = locale is not None and locale.language == "en"
    return value.get("en" if is_english else "zh") or value.get("zh") or value.get("en") or ""


def signed_percent(value: float) -> str:
    """Write a share that may be below zero as a percentage."""
    return f"{value * 100:.0f} %".replace("-", "\u2212")


def as_json(value: Any) -> str:
    """Write a value as somebody would type it."""
    return json.dumps(value, ensure_ascii=False)


def kind(value: str) -> str:
    """Return the word for a kind of job."""
    return gettext(KINDS.get(value, value))


def job_kind(job: Job) -> str:
    """Return the word for what a job does, also where it only looks."""
    if job.kind == "retain" and job.request_values.get("dry"):
        return gettext("Look what would be deleted")
    return kind(job.kind)


def rate(job: Job) -> float | None:
    """Return what a job does in a second; of one that has ended, over all its time.

    Then it stands beside its amount and its time, and the three have to agree.
    """
    if job.ended_at is None or job.started_at is None:
        return jobs.rate(job)
    seconds = (job.ended_at - job.started_at).total_seconds()
    # The time of several attempts has pauses in it.
    is_known = job.attempt == 1 and job.done > 0 and seconds >= _SHORTEST_SECONDS
    return job.done / seconds if is_known else None


def format_title(name: str) -> str:
    """Return what a reader calls a format of exports."""
    known = FORMATS.get(name)
    return name if known is None else str(said({"zh": known.title_zh, "en": known.title_en}))


def queue(value: str) -> str:
    """Return the words for what the jobs of a queue need."""
    return gettext(_QUEUES.get(value, value))


def job_error(value: str | None) -> str:
    """Return a job's error in the reader's language, without links."""
    return "" if value is None else server_errors.words(errors.from_json(value))


def _(message: str) -> str:
    return message


_STATES = {
    "withdrawn": _("Withdrawn"),
    "moving": _("being made"),
    "waiting": _("Waiting"),
    "labelled": _("To review"),
    "returned": _("Returned"),
    "skipped": _("Skipped"),
    "accepted": _("Accepted"),
    "submitted": _("Submitted"),
    "rejected": _("Returned"),
    "running": _("Running"),
    "held": _("Asks first"),
    "done": _("Done"),
    "failed": _("Failed"),
    "cancelled": _("Cancelled"),
    "alive": _("Alive"),
    "silent": _("Silent"),
    "accept": _("Accepted"),
    "fix": _("Fixed and accepted"),
    "reject": _("Returned"),
    # What a gate looks at, and how it stands.
    "agreement": _("Agreement"),
    "first_pass": _("First-pass yield"),
    "passed": _("passed"),
    "not_yet": _("not yet"),
    # What is wrong with a task, as people flag it.
    "undecidable": _("cannot be decided"),
    "bad_data": _("bad data"),
    "personal_information": _("personal information"),
    "unclear_guideline": _("guideline unclear"),
    "other": _("other"),
}
_ROLES = {
    "platform_admin": _("Platform administrator"),
    "system_admin": _("System administrator"),
    "security_admin": _("Security administrator"),
    "audit_admin": _("Audit administrator"),
    "requester": _("Requester"),
    "acceptance_inspector": _("Acceptance inspector"),
    "annotation_manager": _("Annotation manager"),
    "vendor_admin": _("Company administrator"),
    "team_leader": _("Team leader"),
    "annotator": _("Annotator"),
    "reviewer": _("Reviewer"),
    "arbitrator": _("Arbitrator"),
    "speed_tester": _("Pace tester"),
    "model_builder": _("Model builder"),
    "regulator": _("Data bureau"),
    "industry_officer": _("Industry bureau"),
}
_SCOPES = {
    "all": _("do all that I may"),
    "read": _("only read"),
    "label": _("read and label"),
    "review": _("read and review"),
    "import": _("read, import and pre-label"),
    "export": _("read and export"),
}
_QUEUES = {
    "cpu": _("computing"),
    "gpu": _("graphics card"),
    "io": _("waiting for others"),
}
KINDS = {
    "import": _("Import"),
    "prelabel": _("Pre-label"),
    "freeze": _("Freeze a version"),
    "export": _("Export"),
    "publish": _("Publish"),
    "predict": _("Model backend's predictions"),
    "train": _("Train a model"),
    "order": _("Order the tasks"),
    "config_change": _("Change labels"),
    "sync": _("Synchronise a storage"),
    "measure": _("Measure the benefit"),
    "quality": _("Measure the quality"),
    "suspect": _("Look for wrong labels"),
    "clean": _("Clean material"),
    "retain": _("Tidy the storage"),
    "integrity": _("Look at the work"),
    "withdraw_record": _("Withdraw a record"),
    "push_release": _("Send a version elsewhere"),
    "feed": _("Bring from a feed"),
    "intake": _("Bring material"),
    "send_assets": _("Send material to a project"),
    "remove_library": _("Empty a removed library"),
    "scan": _("Look for personal information"),
    "treat": _("Treat personal information"),
}
