"""A shopper who uses Chromium, and a shop whose pages embed the script."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from common.shop.api_keys import new_key
from tests.browser.support.built import budgets_told
from tests.browser.support.shopper import DESKTOP, PHONE, Shop, Shopper
from tests.support.chromium import CHROMIUM, MISSING
from tests.support.stack import FUNCTIONS, Database

# A machine with other tests on it takes its time. What is expected is waited for, and never for longer than it takes.
PATIENCE_MS = 30_000
expect.set_options(timeout=PATIENCE_MS)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not CHROMIUM:
        terminalreporter.write_line(MISSING, red=True, bold=True)
    terminalreporter.write_line(budgets_told())


@pytest.fixture(scope="session")
def functions(request: pytest.FixtureRequest) -> dict[str, str]:
    """Return the URLs of the functions by name."""
    return {name: request.getfixturevalue(name).url for name in FUNCTIONS}


@pytest.fixture
def shop(database: Database, functions: dict[str, str]) -> Shop:
    shop_id = f"shop-{uuid.uuid4().hex[:12]}"
    key = new_key()
    # Without the caps over all popups, which have tests of their own.
    caps = "popups_per_visit, seconds_between_popups) VALUES (:id, 'Shop', 100, 0)"
    database(f"INSERT INTO shops (id, name, {caps}", id=shop_id)
    database(
        "INSERT INTO api_keys (id, shop_id, prefix, key_sha256, rights) VALUES (:id, :shop_id, '', :hash, 'write')",
        id=uuid.uuid4(),
        shop_id=shop_id,
        hash=hashlib.sha256(key.encode()).digest(),
    )
    return Shop(shop_id, key, functions, database)


@pytest.fixture
def new_context(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Return a factory of browser profiles, which takes Playwright's options of a context.

    They are of somebody who wants nothing to move, unless the options say otherwise: to draw a popup's animations costs
    Chromium up to a third of a test. All are closed after the test, which fails if the script has logged an error in
    one of them.
    """
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def make(**options: object) -> BrowserContext:
        context = browser.new_context(**{"reduced_motion": "reduce", **options})  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE_MS)
        context.on("weberror", lambda error: errors.append(str(error.error)))
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def shopper(new_context: Callable[..., BrowserContext], shop: Shop) -> Shopper:
    """At a desk, with a mouse."""
    return Shopper(new_context(**DESKTOP), shop)


@pytest.fixture
def phone_shopper(new_context: Callable[..., BrowserContext], shop: Shop) -> Shopper:
    return Shopper(new_context(**PHONE), shop)
