"""Settings are read once, refused by name, documented, and keep their secrets."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from jinbiao.datasets.errors import Invalid, Unavailable
from jinbiao.datasets.feeds import ReferringStore
from jinbiao.datasets.installation import open_installation
from jinbiao.datasets.settings import Settings, load, prepare_home, secret_key
from jinbiao.datasets.storage import FolderStorage, S3Storage

ROOT = Path(__file__).resolve().parents[2]
KEY = "a-key-of-at-least-thirty-two-characters"
S3 = {
    "JINBIAO_S3_ENDPOINT": "https://s3.example",
    "JINBIAO_S3_ACCESS_KEY": "li",
    "JINBIAO_S3_SECRET_KEY": "hidden-s3-key",
}


def test_one_machine_needs_no_settings(tmp_path: Path) -> None:
    found = load({"JINBIAO_HOME": str(tmp_path)})
    assert (found.home, found.host, found.port) == (tmp_path, "127.0.0.1", 8000)
    assert found.database_url == f"sqlite:///{tmp_path / 'jinbiao.sqlite3'}"
    assert found.redis_url == f"unix://{found.queue_socket}"
    assert found.s3 is None and found.language == "zh" and not found.secure_cookies
    assert load({}).home == Path("var").resolve()


def test_every_setting_can_be_chosen(tmp_path: Path) -> None:
    found = load(
        {
            "JINBIAO_HOME": str(tmp_path),
            "JINBIAO_HOST": "0.0.0.0",
            "JINBIAO_PORT": "80",
            "JINBIAO_PUBLIC_URL": "https://data.example/",
            "JINBIAO_LANGUAGE": "en",
            "JINBIAO_SECURE_COOKIES": "1",
            "JINBIAO_REMOTE_MEDIA": "https://pictures.example:8443 http:",
            "JINBIAO_SECRET_KEY": KEY,
            "JINBIAO_SERVER_PROCESSES": "4",
            "JINBIAO_SERVER_THREADS": "16",
            "JINBIAO_WORKER_QUEUES": "io, cpu",
            "JINBIAO_WORKER_PROCESSES": "3",
            "JINBIAO_WORKER_MEMORY_MB": "2048",
            "JINBIAO_JOB_STALL_SECONDS": "60",
            "JINBIAO_JOB_HOURS": "2",
            "JINBIAO_APPLICATION_DAYS": "5",
            "JINBIAO_DATABASE_URL": "postgresql://li@db/jinbiao",
            "JINBIAO_REDIS_URL": "rediss://queue",
            "JINBIAO_MAXIMUM_UPLOAD_MB": "1",
            "JINBIAO_RESERVATION_MINUTES": "5",
            **S3,
            "JINBIAO_S3_BUCKET": "labels",
            "JINBIAO_S3_PUBLIC_ENDPOINT": "https://files.example",
        }
    )
    assert found.public_url == "https://data.example"
    assert found.remote_media == ("https://pictures.example:8443", "http:")
    assert load({"JINBIAO_REMOTE_MEDIA": "none"}).remote_media == ()
    assert found.secure_cookies and found.maximum_upload_bytes == 1024**2
    assert found.s3 and (found.s3.bucket, found.s3.access_key) == ("labels", "li")
    assert (found.server_processes, found.server_threads) == (4, 16)
    assert (found.worker_queues, found.worker_processes) == (("io", "cpu"), 3)
    assert (found.worker_memory_bytes, found.job_stall_seconds) == (2 * 1024**3, 60)
    assert (found.job_hours, found.application_days) == (2, 5)
    assert (found.reservation_minutes, found.redis_url) == (5, "rediss://queue")
    assert secret_key(found) == KEY
    with pytest.raises(FrozenInstanceError):
        found.port = 81  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JINBIAO_PORT", "0"),
        ("JINBIAO_PORT", "65536"),
        ("JINBIAO_PORT", "8o"),
        ("JINBIAO_PORT", "８０"),
        ("JINBIAO_LANGUAGE", "fr"),
        ("JINBIAO_WORKER_QUEUES", "cpu,tpu"),
        ("JINBIAO_WORKER_PROCESSES", "65"),
        ("JINBIAO_JOB_HOURS", "0"),
        ("JINBIAO_APPLICATION_DAYS", "0"),
        ("JINBIAO_SECURE_COOKIES", "yes"),
        ("JINBIAO_REMOTE_MEDIA", "https://a.example; script-src *"),
        ("JINBIAO_REMOTE_MEDIA", "data:"),
        ("JINBIAO_SECRET_KEY", "short"),
        ("JINBIAO_SERVER_PROCESSES", "0"),
        ("JINBIAO_SERVER_THREADS", "-1"),
        ("JINBIAO_MAXIMUM_UPLOAD_MB", "1.5"),
        ("JINBIAO_RESERVATION_MINUTES", "10081"),
        ("JINBIAO_PUBLIC_URL", "data.example"),
        ("JINBIAO_REDIS_URL", "http://hidden-password@queue"),
    ],
)
def test_a_bad_value_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(Invalid, match=name) as refused:
        load({name: value})
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize("missing", ["JINBIAO_S3_ACCESS_KEY", "JINBIAO_S3_SECRET_KEY"])
def test_half_an_s3_is_none(missing: str) -> None:
    with pytest.raises(Invalid, match=missing):
        load({name: value for name, value in S3.items() if name != missing})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JINBIAO_S3_ENDPOINT", "s3.example"),
        ("JINBIAO_S3_PUBLIC_ENDPOINT", "https://li:hidden@s3.example"),
        ("JINBIAO_S3_BUCKET", "No Bucket"),
        ("JINBIAO_DATABASE_URL", "mysql://li:hidden@db/x"),
        ("JINBIAO_DATABASE_URL", "hidden"),
    ],
)
def test_addresses_are_refused_when_they_are_opened(tmp_path: Path, name: str, value: str) -> None:
    given = load({"JINBIAO_HOME": str(tmp_path), **S3, name: value})
    with pytest.raises(Invalid, match=name) as refused:
        open_installation(given)
    assert "hidden" not in str(refused.value)


def test_an_installation_opens_what_the_settings_name(tmp_path: Path) -> None:
    here = open_installation(load({"JINBIAO_HOME": str(tmp_path)}))
    assert isinstance(here.store, ReferringStore)
    assert isinstance(here.store.own, FolderStorage) and here.database.is_sqlite
    here.database.check()
    here.close()
    away = {"JINBIAO_DATABASE_URL": "postgres://li:hidden@127.0.0.1:1/x", **S3}
    there = open_installation(load({"JINBIAO_HOME": str(tmp_path), **away}))
    assert isinstance(there.store, ReferringStore)
    assert isinstance(there.store.own, S3Storage) and not there.database.is_sqlite
    with pytest.raises(Unavailable, match="does not answer") as refused:
        there.database.check()
    assert "hidden" not in str(refused.value)
    there.close()


# --- secrets -----------------------------------------------------------------------------------


def test_secrets_do_not_show() -> None:
    shown = repr(
        load(
            {
                "JINBIAO_SECRET_KEY": f"{KEY}-hidden",
                "JINBIAO_DATABASE_URL": "postgresql://li:hidden@db/x",
                "JINBIAO_REDIS_URL": "redis://:hidden@queue",
                **S3,
            }
        )
    )
    assert "hidden" not in shown and "s3.example" in shown


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    first = secret_key(settings)
    assert re.fullmatch("[0-9a-f]{64}", first) and secret_key(settings) == first
    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in settings.home.iterdir()}
    assert files == {"secret.key": 0o600}
    assert stat.S_IMODE(settings.home.stat().st_mode) == 0o700
    (settings.home / "secret.key").write_text("")
    with pytest.raises(Unavailable, match="damaged"):
        secret_key(settings)


def test_processes_that_start_at_once_agree_on_the_key(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from jinbiao.datasets.settings import Settings, secret_key; "
        "sys.stdin.readline(); print(secret_key(Settings(home=pathlib.Path(sys.argv[1]))))"
    )
    (tmp_path / "jinbiao").symlink_to(ROOT)
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "home")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
        )
        for _ in range(4)
    ]
    for process in started:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    keys = {process.communicate()[0] for process in started}
    assert len(keys) == 1 and len(keys.pop().strip()) == 64


def test_a_home_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="JINBIAO_HOME"):
        prepare_home(Settings(home=tmp_path / "file"))


def test_the_socket_of_a_deep_home_is_still_short(tmp_path: Path) -> None:
    deep = Settings(home=tmp_path / ("深" * 40))
    assert len(str(deep.queue_socket).encode()) <= 100
    assert deep.queue_socket != Settings(home=tmp_path / ("浅" * 40)).queue_socket
    assert Settings(home=Path("/srv")).queue_socket == Path("/srv/redis/redis.sock")


# --- documentation -----------------------------------------------------------------------------


def test_every_variable_is_documented_and_every_documented_one_is_read() -> None:
    read: set[str] = set()
    for folder in ("datasets", "exporters", "workers", "server"):
        for file in (ROOT / folder).rglob("*.py"):
            read |= set(re.findall(r'"(JINBIAO_[A-Z0-9_]+)"', file.read_text(encoding="utf-8")))
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `(JINBIAO_[A-Z0-9_]+)` \|", text, re.MULTILINE)
    assert sorted(documented) == sorted(read)


def test_the_documented_defaults_are_true() -> None:
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    found = dict(re.findall(r"^\| `JINBIAO_([A-Z0-9_]+)` \| `([^`]+)` \|", text, re.MULTILINE))
    plain = load({})
    told = {
        "HOST": plain.host,
        "PORT": plain.port,
        "LANGUAGE": plain.language,
        "SECURE_COOKIES": int(plain.secure_cookies),
        "SERVER_PROCESSES": plain.server_processes,
        "SERVER_THREADS": plain.server_threads,
        "MAXIMUM_UPLOAD_MB": plain.maximum_upload_bytes // 1024**2,
        "RESERVATION_MINUTES": plain.reservation_minutes,
    }
    assert {name: found[name] for name in told} == {name: str(v) for name, v in told.items()}
