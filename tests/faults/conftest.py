"""A Postgres of the fault tests' own, which they may stop, and whose commits survive that."""

import uuid
from collections.abc import Callable, Iterator

import pytest

from cli.dev.embedded import Postgres, postgres
from tests.faults.load import Load
from tests.support.proxy import Proxy, proxy_to
from tests.support.stack import Database, FunctionProcess, create_database, open_database, temporary_folder

IMPATIENT = {"DB_STATEMENT_TIMEOUT": "300", "DB_CONNECTION_TIMEOUT": "300", "DB_POOL_MAX": "4", "DB_POOL_MIN": "1"}
"""A fault is then over in a second; the defaults would only make the tests longer."""


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    with temporary_folder() as folder, postgres(folder / "postgres") as running:
        yield running


@pytest.fixture
def proxy(server: Postgres) -> Iterator[Proxy]:
    with proxy_to(server.port) as between:
        yield between


@pytest.fixture
def url(server: Postgres) -> str:
    return create_database(server, f"faults-{uuid.uuid4().hex[:8]}")


@pytest.fixture
def start(
    server: Postgres, proxy: Proxy, url: str, start_function: Callable[..., FunctionProcess]
) -> Callable[..., FunctionProcess]:
    """Return a function that starts a tracking function which reaches the database through the proxy."""

    def start_one(name: str, **env: str) -> FunctionProcess:
        through_proxy = url.replace(f":{server.port}/", f":{proxy.port}/")
        return start_function(name, DATABASE_URL=through_proxy, **{**IMPATIENT, **env})

    return start_one


@pytest.fixture
def functions(start: Callable[..., FunctionProcess]) -> dict[str, FunctionProcess]:
    return {name: start(name) for name in ("track_view", "track_conversion")}


@pytest.fixture
def own(url: str) -> Iterator[Database]:
    with open_database(url) as database:
        yield database


@pytest.fixture
def load(own: Database, functions: dict[str, FunctionProcess]) -> Load:
    return Load(own, lambda name: functions[name])
