"""A merchant at the console of a shop."""

from __future__ import annotations

import functools
import hashlib
import uuid
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from common.shop.api_keys import new_key
from tests.browser.conftest import functions, shop
from tests.browser.support.shopper import Shop
from tests.console.door import BUILT, open_door
from tests.console.site import Site, sign_in

__all__ = ["functions", "shop"]

NOT_BUILT = "CONSOLE TESTS SKIPPED: it is not built; `make console` builds it, which needs npm's registry once."
# A machine with other tests on it takes its time. What is expected is waited for, and never for longer than it takes.
PATIENCE_MS = 30_000
expect.set_options(timeout=PATIENCE_MS)

DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}


class Merchant:
    """One browser profile at the console."""

    def __init__(self, context: BrowserContext, shop: Shop, address: str) -> None:
        self.context = context
        self.shop = shop
        self.site = Site(context, address)
        self.page: Page = context.new_page()

    @functools.cached_property
    def key(self) -> str:
        return self.new_key("write")

    def visit(self, place: str = "") -> Page:
        """Go to an address of the console, whoever is signed in."""
        self.page.goto(f"{self.site.console}{place}")
        return self.page

    def open(self, place: str = "") -> Page:
        """The page at this address, signed in."""
        if self.page.url == "about:blank":
            sign_in(self.visit(), self.shop.id, self.key)
        return self.visit(place) if place else self.page

    def new_key(self, rights: str) -> str:
        key = new_key()
        self.shop.database(
            "INSERT INTO api_keys (id, shop_id, name, prefix, key_sha256, rights)"
            " VALUES (:id, :shop_id, 'Ada', :prefix, :hash, :rights)",
            id=uuid.uuid4(),
            shop_id=self.shop.id,
            prefix=key[:12],
            hash=hashlib.sha256(key.encode()).digest(),
            rights=rights,
        )
        return key


@pytest.fixture(scope="session")
def door(functions: dict[str, str]) -> Iterator[str]:
    if not (BUILT / "headers.json").is_file():
        pytest.skip(NOT_BUILT)
    with open_door(functions) as address:
        yield address


@pytest.fixture
def new_merchant(browser: Browser, shop: Shop, door: str) -> Iterator[Callable[..., Merchant]]:
    """Makes a merchant with a profile of their own. In the end nothing was violated, and nobody else was called."""
    made: list[Merchant] = []

    def make(at: str = door, **options: object) -> Merchant:
        context = browser.new_context(**{"viewport": DESKTOP, **options})  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE_MS)
        made.append(Merchant(context, shop, at))
        return made[-1]

    yield make
    for merchant in made:
        merchant.context.close()
    assert [merchant.site.faults for merchant in made] == [[] for _ in made]


@pytest.fixture
def merchant(new_merchant: Callable[..., Merchant]) -> Merchant:
    return new_merchant()
