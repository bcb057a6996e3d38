"""Read the settings once, at the entry point, and pass them down.

Every setting is an environment variable; `docs/settings.md` lists them and a test keeps
the list true.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import errors, outside
from .environment import incoming
from .environment import megabytes as _megabytes
from .environment import whole_number as _whole_number
from .errors import _

SHORTEST_SECRET = 32  # characters
# What work may need of the machine; `io` mostly waits for somebody else.
QUEUES = ("cpu", "gpu", "io")
# Who has to prove themselves by a second factor; `optional`: who wants to.
SECOND_FACTORS = ("off", "optional", "administrators", "everybody")


@dataclass(frozen=True)
class S3Settings:
    """Where an S3 object store is, and how to sign for it."""

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)
    bucket: str = "jinbiao"
    public_endpoint: str | None = None


@dataclass(frozen=True)
class OpenIDSettings:
    """Which OpenID Connect provider also says who somebody is."""

    issuer: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    # What the button of the sign-in page calls it.
    name: str = ""
    # The role that a person gets whom nobody added here; "" refuses them.
    create_role: str = ""
    # The organisation that such a person joins.
    create_organisation: str = ""
    # Whether an e-mail address that the provider has verified finds its person here.
    link_email: bool = False


@dataclass(frozen=True)
class Settings:
    """Everything that one installation may choose; nothing here changes while it runs."""

    home: Path
    port: int = 8000
    host: str = "127.0.0.1"
    # Addresses may hold a password.
    database_url: str = field(default="", repr=False)
    redis_url: str = field(default="", repr=False)
    s3: S3Settings | None = None
    public_url: str = ""
    secret_key: str = field(default="", repr=False)
    language: str = "zh"
    secure_cookies: bool = False
    # Where the editor may take pictures, sounds and films from besides this server.
    remote_media: tuple[str, ...] = ("https:", "http:")
    # What this server may call besides the open network, and the folders that projects read.
    outside_allowed: tuple[str, ...] = ()
    local_files: tuple[Path, ...] = ()
    # The longest that a model backend may take for one request.
    backend_seconds: int = 100
    server_processes: int = 2
    server_threads: int = 8
    maximum_upload_bytes: int = 2 * 1024**3
    maximum_media_bytes: int = 512 * 1024**2
    # Of uploads in pieces: how large one may be, how many a person has open at once, how long
    # one that stands still is kept, and how much of the disk they leave free.
    maximum_transfer_bytes: int = 20 * 1024**3
    transfers_each: int = 20_000
    transfer_days: int = 7
    transfer_free_bytes: int = 1024**3
    # What an organisation may store, unless it has a quota of its own; None: no limit.
    quota_bytes: int | None = None
    # How long bytes that nothing refers to are kept, and those of a deleted project.
    unused_days: int = 7
    deleted_project_days: int = 30
    maximum_pixels: int = 100_000_000
    maximum_archive_entries: int = 100_000
    maximum_archive_bytes: int = 50 * 1024**3
    # Of a PDF whose pages become pictures.
    maximum_pdf_pages: int = 500
    maximum_pdf_page_pixels: int = 16_000_000
    reservation_minutes: int = 120
    session_hours: int = 12
    lockout_attempts: int = 5
    lockout_minutes: int = 30
    session_idle_minutes: int = 30
    password_length: int = 10
    password_days: int = 90
    password_history: int = 5
    second_factor: str = "optional"
    # Whether the platform's administration is divided among three who share no right.
    separate_administrators: bool = False
    openid: OpenIDSettings | None = None
    media_link_seconds: int = 3600
    job_silence_seconds: float = 6.0
    # What the workers of this host serve; 0 processes: as many as the command finds right.
    worker_queues: tuple[str, ...] = QUEUES
    worker_processes: int = 0
    # What one worker process may hold in memory; 0 for no limit.
    worker_memory_bytes: int = 0
    # A job that makes no progress for so long, or has not ended after so long, is given up.
    job_stall_seconds: int = 600
    job_hours: int = 24
    # How many working days a provider has to answer an application for a dataset.
    application_days: int = 2
    # The Ray cluster that cleans material (`ray://host:10001`, `host:6379`); "": this host does.
    ray_address: str = field(default="", repr=False)
    # What indicators of TC609 weigh in their dimension, as `0201=2,0304=3`; 1 where not named.
    indicator_weights: str = ""

    @property
    def queue_socket(self) -> Path:
        """Return the socket of the private Redis that `jinbiao up` starts."""
        return _queue_socket(self.home)


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Build the settings from environment variables (`JINBIAO_…`).

    Raises:
        errors.Invalid: a variable's value is not usable; the message names the variable.
    """
    given = os.environ if environment is None else environment
    home = Path(given.get("JINBIAO_HOME") or "var").expanduser().resolve()
    port = _whole_number(given, "JINBIAO_PORT", 8000, 1, 65535)
    language = given.get("JINBIAO_LANGUAGE") or "zh"
    if language not in ("zh", "en"):
        raise errors.Invalid(
            _("%(name)s must be %(allowed)s"), name="JINBIAO_LANGUAGE", allowed="zh, en"
        )
    minutes = Settings.reservation_minutes
    public_url = _address(given, "JINBIAO_PUBLIC_URL", ("http://", "https://")).rstrip("/")
    # Who serves the public over HTTPS has nothing left that needs an open cookie.
    secure = int(public_url.startswith("https://"))
    return Settings(
        home=home,
        port=port,
        host=given.get("JINBIAO_HOST") or "127.0.0.1",
        database_url=given.get("JINBIAO_DATABASE_URL") or f"sqlite:///{home / 'jinbiao.sqlite3'}",
        redis_url=_address(given, "JINBIAO_REDIS_URL", ("redis://", "rediss://", "unix://"))
        or f"unix://{_queue_socket(home)}",
        s3=_s3(given),
        public_url=public_url,
        secret_key=_secret(given, "JINBIAO_SECRET_KEY"),
        language=language,
        secure_cookies=bool(_whole_number(given, "JINBIAO_SECURE_COOKIES", secure, 0, 1)),
        **_signing_in(given, public_url),
        remote_media=_origins(given, "JINBIAO_REMOTE_MEDIA", Settings.remote_media),
        outside_allowed=_allowed_outside(given.get("JINBIAO_OUTSIDE_ALLOWED") or ""),
        local_files=_folders(given, "JINBIAO_LOCAL_FILES"),
        backend_seconds=_whole_number(given, "JINBIAO_BACKEND_SECONDS", 100, 1, 3600),
        server_processes=_whole_number(given, "JINBIAO_SERVER_PROCESSES", 2, 1, 64),
        server_threads=_whole_number(given, "JINBIAO_SERVER_THREADS", 8, 1, 256),
        maximum_upload_bytes=_megabytes(given, "JINBIAO_MAXIMUM_UPLOAD_MB", 2048, 1, 1_000_000),
        maximum_transfer_bytes=_megabytes(
            given, "JINBIAO_MAXIMUM_TRANSFER_MB", 20_480, 1, 10_000_000
        ),
        **incoming(given),
        transfers_each=_whole_number(given, "JINBIAO_TRANSFERS_EACH", 20_000, 1, 1_000_000),
        transfer_days=_whole_number(given, "JINBIAO_TRANSFER_DAYS", 7, 1, 365),
        transfer_free_bytes=_megabytes(given, "JINBIAO_TRANSFER_FREE_MB", 1024, 0, 100_000_000),
        quota_bytes=_megabytes(given, "JINBIAO_QUOTA_MB", 0, 0, 10_000_000_000) or None,
        unused_days=_whole_number(given, "JINBIAO_UNUSED_DAYS", 7, 1, 3650),
        deleted_project_days=_whole_number(given, "JINBIAO_DELETED_PROJECT_DAYS", 30, 1, 3650),
        reservation_minutes=_whole_number(given, "JINBIAO_RESERVATION_MINUTES", minutes, 1, 10_080),
        worker_queues=queue_names("JINBIAO_WORKER_QUEUES", given.get("JINBIAO_WORKER_QUEUES")),
        worker_processes=_whole_number(given, "JINBIAO_WORKER_PROCESSES", 0, 0, 64),
        worker_memory_bytes=_megabytes(given, "JINBIAO_WORKER_MEMORY_MB", 0, 0, 1_000_000),
        job_stall_seconds=_whole_number(given, "JINBIAO_JOB_STALL_SECONDS", 600, 1, 86_400),
        job_hours=_whole_number(given, "JINBIAO_JOB_HOURS", 24, 1, 720),
        application_days=_whole_number(given, "JINBIAO_APPLICATION_DAYS", 2, 1, 60),
        ray_address=_ray(given, "JINBIAO_RAY_ADDRESS"),
        indicator_weights=given.get("JINBIAO_INDICATOR_WEIGHTS") or "",
    )


def queue_names(name: str, text: str | None) -> tuple[str, ...]:
    """Return the queues that a text divides by commas, each once; all where it names none.

    Raises:
        errors.Invalid: there is no such queue; the message says `name`.
    """
    found = tuple(dict.fromkeys(part.strip() for part in (text or "").split(",") if part.strip()))
    if not set(found) <= set(QUEUES):
        raise errors.Invalid(
            _("%(name)s must be among %(allowed)s"), name=name, allowed=", ".join(QUEUES)
        )
    return found or QUEUES


def prepare_home(settings: Settings) -> None:
    """Make the home folder, readable by its owner only.

    Raises:
        errors.Unavailable: the folder cannot be made or written.
    """
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        settings.home.chmod(0o700)
    except OSError as problem:
        raise errors.Unavailable(
            _("JINBIAO_HOME %(path)s cannot be used: %(reason)s"),
            path=str(settings.home),
            reason=problem.strerror or str(problem),
        ) from problem


def secret_key(settings: Settings) -> str:
    """Return the key that signs cookies and links; make one on first use.

    On one machine it lives in `secret.key` under the home; hosts of a team share it
    through JINBIAO_SECRET_KEY.
    """
    if settings.secret_key:
        return settings.secret_key
    prepare_home(settings)
    path = settings.home / "secret.key"
    draft = path.with_name(f"secret.key.{os.getpid()}.{secrets.token_hex(4)}")
    if not path.exists():
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_hex(32), encoding="ascii")
        try:
            # A link fails where another process was first; its key then counts.
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    key = path.read_text(encoding="ascii").strip()
    if len(key) < SHORTEST_SECRET:
        raise errors.Unavailable(
            _("%(path)s is damaged: put its backup back, or delete it to sign everybody out"),
            path=str(path),
        )
    return key


def _signing_in(given: Mapping[str, str], public_url: str) -> dict[str, Any]:
    """Return the settings of how people sign in."""
    # A service for the public asks its administrators for a second factor; one machine of a
    # newcomer asks nobody before they have seen anything.
    factor = given.get("JINBIAO_SECOND_FACTOR") or ("administrators" if public_url else "optional")
    if factor not in SECOND_FACTORS:
        raise errors.Invalid(
            _("%(name)s must be %(allowed)s"),
            name="JINBIAO_SECOND_FACTOR",
            allowed=", ".join(SECOND_FACTORS),
        )
    return {
        "second_factor": factor,
        "openid": _openid(given),
        "separate_administrators": bool(
            _whole_number(given, "JINBIAO_SEPARATE_ADMINISTRATORS", 0, 0, 1)
        ),
        **{
            field_name: _whole_number(given, name, getattr(Settings, field_name), lowest, highest)
            for name, field_name, lowest, highest in (
                ("JINBIAO_PASSWORD_LENGTH", "password_length", 8, 128),
                ("JINBIAO_PASSWORD_DAYS", "password_days", 0, 3650),
                ("JINBIAO_PASSWORD_HISTORY", "password_history", 0, 24),
                ("JINBIAO_LOCKOUT_ATTEMPTS", "lockout_attempts", 1, 100),
                ("JINBIAO_LOCKOUT_MINUTES", "lockout_minutes", 1, 1440),
                ("JINBIAO_SESSION_IDLE_MINUTES", "session_idle_minutes", 2, 1440),
            )
        },
    }


def _openid(given: Mapping[str, str]) -> OpenIDSettings | None:
    issuer = _address(given, "JINBIAO_OIDC_ISSUER", ("http://", "https://"))
    if not issuer:
        return None
    outside.parse(issuer, "JINBIAO_OIDC_ISSUER")
    client_id = given.get("JINBIAO_OIDC_CLIENT_ID") or ""
    if not client_id:
        raise errors.Invalid(
            _("JINBIAO_OIDC_ISSUER is set, so %(names)s must be set too"),
            names="JINBIAO_OIDC_CLIENT_ID",
        )
    role = given.get("JINBIAO_OIDC_CREATE_ROLE") or ""
    home = given.get("JINBIAO_OIDC_CREATE_ORGANISATION") or ""
    if role and not home:
        raise errors.Invalid(
            _("JINBIAO_OIDC_CREATE_ROLE is set, so %(names)s must be set too"),
            names="JINBIAO_OIDC_CREATE_ORGANISATION",
        )
    return OpenIDSettings(
        issuer=issuer,
        client_id=client_id,
        client_secret=given.get("JINBIAO_OIDC_CLIENT_SECRET") or "",
        name=given.get("JINBIAO_OIDC_NAME") or "",
        create_role=role,
        create_organisation=home,
        link_email=bool(_whole_number(given, "JINBIAO_OIDC_LINK_EMAIL", 0, 0, 1)),
    )


def _queue_socket(home: Path) -> Path:
    path = home / "redis" / "redis.sock"
    if len(str(path).encode()) <= 100:
        return path
    # A socket's address holds 107 bytes: a deep home gets a short place of its own.
    name = hashlib.sha256(str(home).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"jinbiao-{os.getuid()}-{name}" / "redis.sock"


def _s3(given: Mapping[str, str]) -> S3Settings | None:
    endpoint = given.get("JINBIAO_S3_ENDPOINT")
    if not endpoint:
        return None
    missing = [
        name for name in ("JINBIAO_S3_ACCESS_KEY", "JINBIAO_S3_SECRET_KEY") if not given.get(name)
    ]
    if missing:
        raise errors.Invalid(
            _("JINBIAO_S3_ENDPOINT is set, so %(names)s must be set too"), names=", ".join(missing)
        )
    return S3Settings(
        endpoint=endpoint,
        access_key=given["JINBIAO_S3_ACCESS_KEY"],
        secret_key=given["JINBIAO_S3_SECRET_KEY"],
        bucket=given.get("JINBIAO_S3_BUCKET") or "jinbiao",
        public_endpoint=given.get("JINBIAO_S3_PUBLIC_ENDPOINT") or None,
    )


def _address(given: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    text = given.get(name) or ""
    if text and not text.startswith(allowed):
        # The value is not repeated: it may hold a password.
        raise errors.Invalid(
            _("%(name)s must begin with %(allowed)s"), name=name, allowed=", ".join(allowed)
        )
    return text


def _ray(given: Mapping[str, str], name: str) -> str:
    text = given.get(name) or ""
    if text and not re.fullmatch(r"auto|(ray://)?[A-Za-z0-9.\[\]:-]+:\d{1,5}", text):
        raise errors.Invalid(
            _("%(name)s must be %(allowed)s"), name=name, allowed="auto, host:port, ray://host:port"
        )
    return text


def _origins(given: Mapping[str, str], name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    """Return `https:`, `http:` or origins such as `https://pictures.example`; "none" for none."""
    text = given.get(name) or ""
    if text in ("", "none"):
        return () if text else default
    words = tuple(text.split())
    if not all(re.fullmatch(r"https?:(//[A-Za-z0-9.*-]+(:\d{1,5})?)?", word) for word in words):
        raise errors.Invalid(
            _("%(name)s must be %(allowed)s"),
            name=name,
            allowed="none, https:, http:, https://host[:port]",
        )
    return words


def _allowed_outside(text: str) -> tuple[str, ...]:
    words = tuple(text.split())
    outside.entries(words)
    return words


def _folders(given: Mapping[str, str], name: str) -> tuple[Path, ...]:
    """Return folders that are divided by colons, links followed; each must be one."""
    paths = [Path(part).expanduser() for part in (given.get(name) or "").split(":") if part]
    for path in paths:
        if not path.is_absolute() or not path.is_dir():
            raise errors.Invalid(
                _("%(name)s: there is no folder %(path)s"), name=name, path=str(path)[:200]
            )
    return tuple(path.resolve() for path in paths)


def _secret(given: Mapping[str, str], name: str) -> str:
    text = given.get(name) or ""
    if text and len(text) < SHORTEST_SECRET:
        raise errors.Invalid(
            _("%(name)s must have at least %(least)s characters"), name=name, least=SHORTEST_SECRET
        )
    return text
