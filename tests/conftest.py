"""Fixtures of the whole session: the servers, the functions with their defaults (limits off), the database.

And of a test: its shop, and who may change that.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cli.dev import embedded
from tests.support.client import Client
from tests.support.clock import Clock
from tests.support.factories import Shop, make_shop
from tests.support.stack import FUNCTIONS, ROOT, Database, FunctionProcess, Stack, open_database, running_stack
from tests.support.turns import Turns

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.support.chromium import SharedChromium

# A worker has a file at a time, so the files that take longest come first: the last ones are short, and all workers end
# together. Each takes half a minute or more on two cores. Browsers work, outages wait: they take turns.
LONGEST = (
    "tests/browser/test_other_browsers.py",
    "tests/servers/test_postgres_outages.py",
    "tests/deploy/test_bundles.py",
    "tests/cli/test_cli_dev.py",
    "tests/browser/test_triggers.py",
    "tests/deploy/test_real_gcloud.py",
    "tests/promises/test_slow_clients.py",
    "tests/cli/test_partitions.py",
    "tests/browser/test_accessibility.py",
    "tests/faults/test_faults.py",
    "tests/servers/test_redis_outages.py",
    "tests/servers/test_redis_cluster.py",
    "tests/browser/test_targeting.py",
    "tests/promises/test_fuzz.py",
    "tests/promises/test_tallies.py",
    "tests/browser/test_busy_shoppers.py",
    "tests/functions/test_manage_shop_and_keys.py",
    "tests/functions/test_query_budget.py",
    "tests/browser/test_delivery.py",
    "tests/promises/test_bad_input.py",
    "tests/cli/test_cli_shop.py",
    "tests/browser/test_looks.py",
    "tests/console/test_builder.py",
    "tests/ops/test_load_scenarios.py",
    "tests/promises/test_http.py",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--postgres", metavar="BIN", help="the programs of another Postgres: /usr/lib/postgresql/15/bin")


@pytest.fixture(scope="session")
def _other_postgres(pytestconfig: pytest.Config) -> Iterator[None]:
    """Run every server of the tests by the programs of --postgres, if that is given."""
    programs = pytestconfig.getoption("--postgres")
    if not programs:
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedded, "postgres_programs", lambda account: Path(programs))
        patch.setattr(embedded, "LOCALE", ["--encoding=UTF8", "--locale=C"])
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {ROOT / name: number for number, name in enumerate(LONGEST)}
    # The rest by name and not by folder, or all workers had a browser at the same time.
    items.sort(key=lambda item: (place.get(item.path, len(place)), item.path.name, item.path))
    for item in items:
        # What true randomness has found would be lost in a second run, which tries other examples.
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker(pytest.mark.flaky(reruns=0))


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell of each test that passed only when it was run again (`make test`) how it failed before, and then all."""
    passed = {report.nodeid for report in terminalreporter.getreports("passed")}
    again = [report for report in terminalreporter.getreports("rerun") if report.nodeid in passed]
    for report in again:
        terminalreporter.section(f"{report.nodeid}, before it passed", red=True)
        terminalreporter.write_line(report.longreprtext)
    for report in again:
        terminalreporter.write_line(f"Passed only when run again: {report.nodeid}", red=True, bold=True)


TURNS = pytest.StashKey[Turns]()


def is_alone(item: pytest.Item | None) -> bool:
    return item is not None and item.get_closest_marker("alone") is not None


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TURNS] = Turns(config.cache.mkdir("turns"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, object, object]:
    turns = item.config.stash[TURNS]
    turns.begin(alone=is_alone(item))
    try:
        return (yield)
    finally:
        # Whoever is to be alone waits until all others have finished: once for all such tests that stand in a row.
        if not (is_alone(item) and is_alone(nextitem)):
            turns.end()


RUNNING: list[Stack] = []


@pytest.fixture(scope="session")
def stack(_other_postgres: None) -> Iterator[Stack]:
    with running_stack() as running:
        RUNNING.append(running)
        yield running
        RUNNING.remove(running)


@pytest.fixture(scope="module", autouse=True)
def _functions_end_with_their_module() -> Iterator[None]:
    yield
    for stack in RUNNING:  # not a fixture here: most rules need no servers
        stack.end_functions()


@pytest.fixture(scope="session")
def database(stack: Stack) -> Iterator[Database]:
    with open_database(stack.database_url) as opened:
        yield opened


@pytest.fixture(scope="session")
def _chromium() -> Iterator[SharedChromium]:
    # Not at the top: to import Playwright takes as long as many a test.
    from tests.support.chromium import CHROMIUM, MISSING, shared_chromium

    if not CHROMIUM:
        pytest.skip(MISSING)
    with shared_chromium() as shared:
        yield shared


@pytest.fixture(scope="module")
def browser(_chromium: SharedChromium) -> Iterator[Browser]:
    """Yield the Chromium of all tests of this process. Profiles in it (`browser.new_context()`) are a test's own."""
    with _chromium.in_use() as browser:
        yield browser


@pytest.fixture
def shop(database: Database) -> Shop:
    """Return a shop of the test's own."""
    return make_shop(database)


@pytest.fixture
def reader(stats: FunctionProcess, shop: Shop) -> Client:
    """Return a client of the shop's reports, whose key may only read."""
    return Client(stats, shop.read_key)


@pytest.fixture
def merchant(manage_popups: FunctionProcess, shop: Shop) -> Client:
    """Whoever may change that shop."""
    return Client(manage_popups, shop.write_key)


@pytest.fixture
def start_function(stack: Stack) -> Iterator[Callable[..., FunctionProcess]]:
    """Yield a function that starts a function with other settings: `start_function("stats", CACHE_TTL_STATS="1")`."""
    started: list[FunctionProcess] = []

    def start(name: str, **env: str | None) -> FunctionProcess:
        function = stack.start_function(name, **env)
        started.append(function)
        return function

    yield start
    for function in started:
        function.end()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Stands still unless the test moves it."""
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    return clock


def _session_function(name: str) -> Callable[[Stack], FunctionProcess]:
    @pytest.fixture(scope="session", name=name)
    def function(stack: Stack) -> FunctionProcess:
        return stack.keep(stack.start_function(name))

    return function


# A fixture for each, called like the function.
globals().update({name: _session_function(name) for name in FUNCTIONS})
