"""Make `jinbiao` this checkout, and start real services when a test asks for one."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import settings

CHECKOUT = Path(__file__).resolve().parent.parent

# Hundreds of processes are started, ours and clients: each would compile all it loads.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


def register_checkout() -> None:
    """Let `import jinbiao` find this checkout, whatever is installed."""
    found = importlib.util.find_spec("jinbiao")
    if found and found.origin and Path(found.origin).resolve() == CHECKOUT / "__init__.py":
        return
    spec = importlib.util.spec_from_file_location(
        "jinbiao", CHECKOUT / "__init__.py", submodule_search_locations=[str(CHECKOUT)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{CHECKOUT} has no __init__.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["jinbiao"] = module
    spec.loader.exec_module(module)


register_checkout()

# The same examples in every run, so that a change is judged by what it changes; others are
# looked for when somebody asks for it.
settings.register_profile("repeatable", derandomize=True)
settings.register_profile("explore", print_blob=True)
settings.load_profile("explore" if os.environ.get("JINBIAO_TEST_EXPLORE") else "repeatable")

# ruff: noqa: E402 - only now can it be found
from jinbiao.datasets import migrations
from jinbiao.datasets.db import Database
from jinbiao.datasets.installation import Installation
from jinbiao.datasets.settings import Settings
from jinbiao.datasets.storage import FolderStorage
from jinbiao.tests import services

# Files that take longest come first, in this order, so that no process sits over one of them
# at the end alone. The browser's come behind what asks thousands of times under a time limit.
LONG = (
    "test_schemathesis",
    "test_survival",
    "test_team",
    "test_backups",
    "test_label_studio",
    "test_clean",
    "test_recovery",
    "test_huggingface",
    "test_feed_places",
    "test_labelled",
    "test_chain",
    "test_workbench",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put long files first; the order within a file stays."""
    order = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: order.get(item.path.stem, len(LONG)))


# A file system in memory, where there is one, and how much room the tests' databases take there.
MEMORY = Path("/dev/shm")
ROOM = 4 * 1024**3


@contextmanager
def short_directory(parent: Path | None = None) -> Iterator[Path]:
    """Make a directory whose path leaves room for the name of a unix socket."""
    made = tempfile.TemporaryDirectory(prefix="jb-", dir=parent, ignore_cleanup_errors=True)
    with made as name:
        yield Path(name)


def quick_place() -> Path | None:
    """Return where files are made and deleted quickest: each test has a database of hundreds."""
    if not os.access(MEMORY, os.W_OK) or shutil.disk_usage(MEMORY).free < ROOM:
        return None
    return MEMORY


@pytest.fixture(scope="session")
def samples() -> Path:
    """Give the shared samples, or skip."""
    folder = CHECKOUT.parent / "shared" / "samples"
    if not folder.is_dir():
        pytest.skip("the shared samples are not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """Start Redis once; tests share it, so each takes keys of its own or flushes first."""
    with short_directory() as directory:
        server = services.RedisServer(directory).start()
        yield server.url
        server.stop()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Start PostgreSQL once, or take the server of JINBIAO_TEST_DATABASE_URL."""
    given = os.environ.get("JINBIAO_TEST_DATABASE_URL")
    if given:
        url = sa.make_url(given).set(drivername="postgresql+psycopg")
        yield url.render_as_string(hide_password=False)
        return
    with short_directory(quick_place()) as directory:
        server = services.PostgresServer(directory).start()
        yield server.url
        server.stop()


@contextmanager
def postgres_copy(url: str, template: str = "template1") -> Iterator[str]:
    """Create a database, give its URL, and drop it whoever is still connected."""
    name = f"jinbiao_test_{secrets.token_hex(6)}"
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    # In memory copying files is quicker than writing a log of them; on a disk it is much slower.
    in_memory = str(engine.url.query.get("host", "")).startswith(f"{MEMORY}/")
    how = "STRATEGY FILE_COPY" if in_memory else ""
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE {template} {how}"))
    yield sa.make_url(url).set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[str]:
    """Create an empty database, give its URL, and drop it whoever is still connected."""
    with postgres_copy(postgres_url) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_template(postgres_url: str) -> Iterator[str]:
    """Migrate a database once and give its name, to be copied for each test."""
    with postgres_copy(postgres_url) as url:
        migrated(url)
        yield str(sa.make_url(url).database)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrate a database file once, to be copied for each test."""
    file = tmp_path_factory.mktemp("template") / "jinbiao.sqlite3"
    migrated(f"sqlite:///{file}")
    return file


def migrated(url: str) -> None:
    """Bring a database to the newest schema and let go of it."""
    database = Database(url)
    migrations.upgrade(database)
    database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Give a migrated, empty database of either kind."""
    if request.param == "sqlite":
        file = tmp_path / "jinbiao.sqlite3"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), file)
        opened = Database(f"sqlite:///{file}")
        yield opened
        opened.close()
        return
    template = request.getfixturevalue("postgres_template")
    with postgres_copy(request.getfixturevalue("postgres_url"), template) as url:
        opened = Database(url)
        yield opened
        opened.close()


@pytest.fixture
def objects(tmp_path: Path) -> FolderStorage:
    """Give an empty store of objects in a folder."""
    return FolderStorage(tmp_path / "objects")


@pytest.fixture
def installation(tmp_path: Path, database: Database, objects: FolderStorage) -> Installation:
    """Give an installation on either database, with its home in this test's folder."""
    settings = Settings(home=tmp_path, database_url=database.url.render_as_string(False))
    return Installation(settings, database, objects)


@pytest.fixture(scope="session")
def swift() -> Iterator[services.SwiftServer]:
    """Start Swift with its S3 interface once."""
    with short_directory() as directory:
        server = services.SwiftServer(directory).start()
        yield server
        server.stop()


@pytest.fixture
def s3(swift: services.SwiftServer) -> services.S3Account:
    """Give an S3 account with a bucket name of this test's own; the bucket is not there yet."""
    bucket = f"test-{secrets.token_hex(6)}"
    return services.S3Account(swift.endpoint, swift.access_key, swift.secret_key, bucket)
