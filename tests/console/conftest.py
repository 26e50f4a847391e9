"""A merchant at the console of a shop."""

from __future__ import annotations

import functools
import hashlib
import uuid
from collections.abc import Callable, Iterator

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from common.shop.api_keys import new_key
from tests.browser.conftest import functions, shop
from tests.browser.support.shopper import Shop
from tests.console.door import BUILT, open_door
from tests.console.site import Desk, Site, take_in

__all__ = ["functions", "shop"]

NOT_BUILT = "CONSOLE TESTS SKIPPED: it is not built; `make console` builds it, which needs npm's registry once."
# A machine with other tests on it takes its time. What is expected is waited for, and never for longer than it takes.
PATIENCE_MS = 30_000
expect.set_options(timeout=PATIENCE_MS)

DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}


class Merchant:
    """Somebody of the shop at the console, in a tab that has never seen it."""

    def __init__(self, site: Site, page: Page, shop: Shop) -> None:
        self.site = site
        self.context = page.context
        self.page = page
        self.shop = shop

    @functools.cached_property
    def key(self) -> str:
        return self.new_key("write")

    def visit(self, place: str = "") -> Page:
        """Go to an address of the console, whoever is signed in."""
        self.page.goto(f"{self.site.console}{place}")
        return self.page

    def open(self, place: str = "") -> Page:
        """Open the console at this place, signed in, and return the page."""
        if not self.page.url.startswith(self.site.console):
            take_in(self.page, self.site, self._session())
            self.visit(place)
            # What every page asks for once, such as the shop's currency, is there before the test goes on.
            self.page.wait_for_load_state("networkidle")
            return self.page
        return self.visit(place) if place else self.page

    def _session(self) -> dict[str, str]:
        address, headers = f"{self.shop.functions['manage_popups']}/key", {"Authorization": f"Bearer {self.key}"}
        known = requests.get(address, headers=headers, timeout=10).json()
        about_key = {"key": self.key, "keyId": known["id"], "keyName": known["name"], "rights": known["rights"]}
        return {"shopId": self.shop.id, **about_key}

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


def new_site(browser: Browser, address: str, **options: object) -> Site:
    """Return the console in a browser profile of its own."""
    context = browser.new_context(**{"viewport": DESKTOP, **options})  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE_MS)
    return Site(context, address)


@pytest.fixture
def new_merchant(browser: Browser, shop: Shop, door: str) -> Iterator[Callable[..., Merchant]]:
    """Yield a factory of merchants, each with a browser profile of its own.

    The test fails if a page violated its policy or called another host.
    """
    made: list[Site] = []

    def make(at: str = door, **options: object) -> Merchant:
        made.append(new_site(browser, at, **options))
        return Merchant(made[-1], made[-1].context.new_page(), shop)

    yield make
    for site in made:
        site.context.close()
    assert [site.faults for site in made] == [[] for _ in made]


@pytest.fixture(scope="module")
def desk(browser: Browser, door: str) -> Desk:
    return Desk(lambda: new_site(browser, door))


@pytest.fixture
def merchant(desk: Desk, shop: Shop) -> Iterator[Merchant]:
    """Yield a merchant whose browser profile this file's tests share: a new one costs as much as most tests.

    Whoever listens to events of the page, such as its dialogs, takes `new_merchant()`: it would hear the next test's.
    """
    page = desk.page
    yield Merchant(desk.site, page, shop)
    assert desk.clear() == []
