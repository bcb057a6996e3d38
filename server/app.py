"""Build the web application: who asks, in what language, which routes, how errors look."""

import datetime as dt
import time
from collections.abc import Callable
from zoneinfo import ZoneInfo

import flask
from flask import Flask, Response, request
from flask_babel import Babel
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter

from ..datasets import errors as domain_errors
from ..datasets.errors import _
from ..datasets.installation import Installation
from ..datasets.people import nobodys_hash
from ..datasets.scores import weights
from ..datasets.settings import secret_key
from . import (
    about,
    access,
    actions,
    added_labels,
    agreement,
    annotations,
    assets,
    assignments,
    auth,
    backends,
    bags,
    benefit,
    catalogue,
    ckan,
    cleanings,
    comments,
    comparisons,
    config_changes,
    croissant,
    curation,
    dashboards,
    datasheets,
    dcat,
    discussions,
    drafts,
    errors,
    exams,
    exports,
    factors,
    facts,
    feeds,
    findings,
    flags,
    gold,
    guidelines,
    health,
    holdings,
    hotkeys,
    hub,
    integrity,
    jobs,
    libraries,
    material,
    media,
    models,
    modelscope,
    notices,
    openapi,
    openid,
    opening,
    ordering,
    organisations,
    pages,
    people,
    predictions,
    projects,
    pushes,
    quality,
    receipts,
    recipes,
    records,
    repeats,
    review_stages,
    reviews,
    scores,
    sessions,
    snapshots,
    staff,
    storages,
    suggestions,
    suspicions,
    tasks,
    team,
    teams,
    tokens,
    transfers,
    users,
    versions,
    views,
    webhooks,
    wording,
    workers,
)

LANGUAGES = ("zh", "en")
ZONE = ZoneInfo("Asia/Shanghai")

POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)
# The labelling editor compiles WebAssembly, runs workers from blobs, and shows what tasks
# name: `%s` are the origins that the operator lets it take media from.
EDITOR_POLICY = (
    "default-src 'self'; img-src 'self' data: blob: %s; media-src 'self' blob: %s; "
    "script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "connect-src 'self' blob: data:; worker-src 'self' blob:; font-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)

# What every answer carries.
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "SAMEORIGIN",
}

BLUEPRINTS = (
    about.routes,
    access.routes,
    actions.routes,
    added_labels.routes,
    agreement.routes,
    annotations.routes,
    assets.routes,
    assignments.routes,
    backends.routes,
    bags.routes,
    benefit.routes,
    integrity.routes,
    suspicions.routes,
    gold.routes,
    catalogue.routes,
    ckan.routes,
    cleanings.api.routes,
    cleanings.pages.routes,
    comments.routes,
    comparisons.routes,
    config_changes.routes,
    croissant.routes,
    curation.routes,
    dashboards.routes,
    datasheets.routes,
    dcat.routes,
    discussions.routes,
    drafts.routes,
    exams.routes,
    exports.routes,
    facts.routes,
    flags.routes,
    factors.routes,
    guidelines.routes,
    health.routes,
    holdings.routes,
    findings.api.routes,
    findings.pages.routes,
    findings.pages.library_routes,
    hotkeys.routes,
    hub.routes,
    jobs.routes,
    libraries.routes,
    material.routes,
    media.routes,
    models.api.routes,
    models.pages.routes,
    modelscope.routes,
    notices.routes,
    openapi.routes,
    openid.routes,
    opening.routes,
    ordering.routes,
    organisations.routes,
    pages.routes,
    people.routes,
    predictions.routes,
    projects.api.routes,
    projects.configs.routes,
    projects.pages.routes,
    feeds.api.routes,
    feeds.pages.routes,
    pushes.routes,
    quality.routes,
    receipts.routes,
    recipes.api.routes,
    recipes.pages.routes,
    records.routes,
    review_stages.routes,
    reviews.routes,
    scores.routes,
    sessions.routes,
    snapshots.routes,
    staff.routes,
    storages.routes,
    suggestions.routes,
    tasks.api.routes,
    tasks.imports.routes,
    tasks.lists.routes,
    tasks.pages.routes,
    tasks.uploads.routes,
    team.routes,
    teams.routes,
    tokens.exchange,
    tokens.routes,
    transfers.routes,
    users.routes,
    versions.routes,
    views.routes,
    webhooks.routes,
    workers.routes,
)


class Number(IntegerConverter):
    """Match the number of a row; one that no database can hold is nobody's."""

    regex = "[0-9]{1,17}"


def create(installation: Installation) -> Flask:
    """Return the application of one installation."""
    nobodys_hash()
    app = Flask(
        "jinbiao",
        template_folder=str(assets.UI / "templates"),
        static_folder=None,
        root_path=str(assets.UI),
    )
    settings = installation.settings
    app.extensions["jinbiao"] = installation
    app.config.update(
        SECRET_KEY=secret_key(settings),
        SESSION_COOKIE_NAME="jinbiao",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        # A session ends when it ends, whatever is asked in it; and an answer that comes late must
        # not bring back the cookie that was there before somebody signed in or out.
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=dt.timedelta(hours=settings.session_hours),
        MAX_CONTENT_LENGTH=settings.maximum_upload_bytes,
        MAX_FORM_MEMORY_SIZE=32 * 1024**2,
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_SSL_STRICT=False,
        INDICATOR_WEIGHTS=weights(settings.indicator_weights),
        BABEL_DEFAULT_LOCALE=settings.language,
        BABEL_DEFAULT_TIMEZONE="Asia/Shanghai",
        BABEL_TRANSLATION_DIRECTORIES=str(assets.UI / "words"),
        EDITOR_POLICY=EDITOR_POLICY % ((" ".join(settings.remote_media),) * 2),
    )
    app.url_map.strict_slashes = False
    app.url_map.converters["int"] = Number
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    if settings.public_url:
        # Behind the proxy that the public address belongs to.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]
    Babel(app, locale_selector=language)  # type: ignore[no-untyped-call]
    csrf = CSRFProtect(app)
    errors.register(app)
    wording.register(app)
    pushes.register(app)
    feeds.pages.register(app)
    cleanings.shown.register(app)
    findings.pages.register(app)
    app.jinja_env.globals.update(second_factors=settings.second_factor != "off")
    app.jinja_env.globals.update(unread_notices=notices.unread)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.before_request(_begin)
    app.before_request(_refuse_nul)
    app.before_request(auth.identify)
    app.before_request(auth.check_route)
    app.before_request(_protect(csrf))
    repeats.register(app)
    app.after_request(_headers)
    app.context_processor(_page_values)
    return app


def language() -> str:
    """Return the reader's language: asked for, chosen before, theirs, or the house's."""
    asked = request.args.get("language") or request.cookies.get("language")
    if asked in LANGUAGES:
        return str(asked)
    who = getattr(flask.g, "user", None)
    # A program says its language with each request, a page's scripts follow their reader.
    if request.path.startswith("/api/") and (who is None or flask.g.by_token):
        best = request.accept_languages.best_match(["zh", "zh-CN", "en"])
        if best:
            return "zh" if best.startswith("zh") else "en"
    if who is not None:
        return str(who.language)
    return auth.installation().settings.language


def _protect(csrf: CSRFProtect) -> Callable[[], None]:
    def protect() -> None:
        changes = request.method in ("POST", "PUT", "PATCH", "DELETE")
        # A token in a header is no cookie: nobody else's page can send it. CKAN, the hub and
        # ModelScope read, also where they say POST, and ask for a token in a header where
        # they do not; what is exchanged is its own proof.
        without = (ckan.routes.name, hub.routes.name, modelscope.routes.name, tokens.exchange.name)
        if changes and not flask.g.by_token and request.blueprint not in without:
            csrf.protect()

    return protect


def _refuse_nul() -> None:
    """Refuse addresses that hold a NUL: no name has one, and a database may choke on it."""
    in_path = "\0" in request.path
    if in_path or any("\0" in text for pair in request.args.items(multi=True) for text in pair):
        raise domain_errors.Invalid(_("the address must not hold a NUL character"))


def _begin() -> None:
    flask.g.began = time.perf_counter()


def _headers(response: Response) -> Response:
    headers = response.headers
    if request.path.startswith("/api/") and "began" in flask.g:
        # How long the work here took, without the way and the wait for a free thread.
        took = (time.perf_counter() - flask.g.began) * 1000
        headers["Server-Timing"] = f"app;dur={took:.2f}"
    for name, value in ALWAYS.items():
        headers.setdefault(name, value)
    if "Content-Security-Policy" not in headers and response.mimetype == "text/html":
        headers["Content-Security-Policy"] = POLICY
    asked = request.args.get("language")
    if asked in LANGUAGES:
        response.set_cookie("language", str(asked), max_age=31_536_000, samesite="Lax")
    return response


def _page_values() -> dict[str, object]:
    return {"user": getattr(flask.g, "user", None), "language": language(), "asset": assets.asset}
