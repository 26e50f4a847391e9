"""Firefox and WebKit, as Debian has them: leaving, closing, focus, typing, what is open, looks, and the code."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.browser.contact_sheet import TEXTS
from tests.browser.support.built import AMOUNTS, DIST, LOADER
from tests.browser.support.drivers import DRIVERS, Window
from tests.browser.support.shopper import Shop
from tests.browser.test_money import INTL, PRINTABLE
from tests.support.stack import eventually, temporary_folder

PAGE = """<!doctype html><html lang=en><meta charset=utf-8><title>Shop</title>
<script async src="/exit_intent.js" {tag}></script>
<p><button id=before>Before</button> <input id=field aria-label=Search>
<select id=size aria-label=Size><option>S<option>M</select></p>
<div popover id=menu>Menu</div>
<p style="height: 3000px">Things to buy.</p>"""

# What WebDriver cannot do: move the pointer out of the page.
LEAVE = """document.body.dispatchEvent(
    new PointerEvent("pointerout", {bubbles: true, composed: true, pointerType: "mouse", clientX: 640, clientY: -1}))"""
PAGE_DOWN = "\ue00f"
# Of the dialog in the script's own element.
DIALOG_HAS = (
    "[...document.body.children].some(at => at.shadowRoot?.querySelector('dialog[open]')?.textContent.includes({}))"
)
NO_DIALOG = "![...document.body.children].some(at => at.shadowRoot?.querySelector('dialog[open]'))"
INSIDE = "[...document.body.children].find(at => at.shadowRoot).shadowRoot.querySelector('{}')"
FOCUS_INSIDE = "!!document.activeElement.shadowRoot?.activeElement?.closest('dialog')"


class Pages(ThreadingHTTPServer):
    """A shop's pages, all alike, and the script's files."""

    html = ""


class _Answer(BaseHTTPRequestHandler):
    server: Pages

    def do_GET(self) -> None:
        path = LOADER if self.path == "/exit_intent.js" else DIST / self.path.removeprefix("/")
        is_script = path.suffix == ".js" and path.is_file()
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript" if is_script else "text/html")
        self.end_headers()
        self.wfile.write(path.read_bytes() if is_script else self.server.html.encode())

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def pages() -> Iterator[Pages]:
    with Pages(("127.0.0.1", 0), _Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module", params=DRIVERS)
def window(request: pytest.FixtureRequest) -> Iterator[Window]:
    driver = DRIVERS[request.param]
    if not driver.is_installed():
        pytest.skip(f"BROWSER TESTS SKIPPED: no {request.param} here; .ci/run installs it")
    with temporary_folder() as folder:
        running = driver(folder)
        yield Window(running)
        running.close()


class Visitor:
    """Who visits a shop's page in one of these browsers. Time passes as it does."""

    def __init__(self, window: Window, pages: Pages, shop: Shop) -> None:
        self.window = window
        self.pages = pages
        self.shop = shop

    def visit(self) -> None:
        self.pages.html = PAGE.format(tag=self.shop.tag)
        self.window.go(f"http://127.0.0.1:{self.pages.server_port}/{self.shop.id}")
        second_file = "performance.getEntriesByType('resource').some(({name}) => name.includes('storefront-dialog-'))"
        assert self.window.until(f"{second_file} && exitIntent.explain().length")
        self.pause()

    def pause(self) -> None:
        """Nothing is an exit in the first second."""
        self.window.run("window.at = performance.now()")
        assert self.window.until("performance.now() - at > 1200")

    def leave(self) -> None:
        self.window.move((640, 400), (640, 100), (640, 5))
        self.window.run(LEAVE)

    def sees(self, text: str) -> bool:
        return self.window.until(DIALOG_HAS.format(repr(text)))

    def sees_nothing(self) -> bool:
        return not self.window.until(f"!({NO_DIALOG})", seconds=0.5)


@pytest.fixture
def visitor(window: Window, pages: Pages, shop: Shop) -> Visitor:
    return Visitor(window, pages, shop)


def test_leaving_shows_the_popup_with_the_focus_in_it_and_escape_gives_the_focus_back(visitor: Visitor) -> None:
    popup_id = visitor.shop.add_popup()
    visitor.visit()
    visitor.window.run("document.getElementById('before').focus()")
    visitor.leave()
    assert visitor.sees("Before you go")
    assert visitor.window.until(FOCUS_INSIDE)
    for _ in range(6):
        visitor.window.press("Tab")
        assert visitor.window.run(f"return {FOCUS_INSIDE}")
    assert eventually(lambda: visitor.shop.stats(popup_id)["views"] == 1)
    visitor.window.press("Escape")
    assert visitor.window.until(NO_DIALOG)
    assert visitor.window.run("return document.activeElement.id") == "before"
    assert visitor.window.run("return exitIntent.explain()[0].reason") == "already shown on this page"


def test_after_a_choice_in_a_select_leaving_is_an_exit(visitor: Visitor) -> None:
    visitor.shop.add_popup()
    visitor.visit()
    visitor.window.run("document.getElementById('size').focus()")
    visitor.window.press("m")
    assert visitor.window.until("document.getElementById('size').value === 'M'")
    visitor.leave()
    assert visitor.sees("Before you go")


def test_who_types_is_not_interrupted(visitor: Visitor) -> None:
    visitor.shop.add_popup()
    visitor.visit()
    visitor.window.run("document.getElementById('field').focus()")
    visitor.window.type("4111")
    visitor.leave()
    assert visitor.sees_nothing()
    visitor.window.type(" 1111")
    assert visitor.window.run("return document.getElementById('field').value") == "4111 1111"
    visitor.window.run("document.getElementById('field').blur()")
    visitor.leave()
    assert visitor.sees("Before you go")


def test_an_open_popover_stays_open(visitor: Visitor) -> None:
    visitor.shop.add_popup()
    visitor.visit()
    visitor.window.run("document.getElementById('menu').showPopover()")
    visitor.leave()
    assert visitor.sees_nothing()
    assert visitor.window.run("return document.getElementById('menu').matches(':popover-open')")
    visitor.window.run("document.getElementById('menu').hidePopover()")
    visitor.leave()
    assert visitor.sees("Before you go")


def test_a_press_beside_closes_it_and_one_inside_does_not(visitor: Visitor) -> None:
    """Safari has no closedby; WebKitGTK neither."""
    visitor.shop.add_popup()
    visitor.visit()
    visitor.leave()
    assert visitor.sees("Before you go")
    x, y = visitor.window.run(f"const {{x, y}} = {INSIDE.format('h2')}.getBoundingClientRect(); return [x, y]")
    visitor.window.click(int(x) + 20, int(y) + 9)
    assert not visitor.window.until(NO_DIALOG, seconds=0.5)
    visitor.window.click(20, 400)
    assert visitor.window.until(NO_DIALOG)


def test_the_page_scrolls_before_and_after_it_and_not_under_it(visitor: Visitor) -> None:
    def scrolls(x: int) -> bool:
        visitor.window.wheel(x, 400, 600)
        visitor.window.press(PAGE_DOWN)  # WebKit's driver turns the wheel only once.
        return visitor.window.until("scrollY > 0", seconds=0.5)

    visitor.shop.add_popup()
    visitor.visit()
    assert eventually(lambda: scrolls(640))
    visitor.visit()  # Anew: what still glides would glide on under the popup.
    assert visitor.window.until("scrollY === 0")
    width = visitor.window.run("return document.body.clientWidth")
    visitor.leave()
    assert visitor.sees("Before you go")
    assert not scrolls(20)
    assert not scrolls(640)
    assert visitor.window.run("return document.body.clientWidth") == width
    visitor.window.press("Escape")
    assert visitor.window.until(NO_DIALOG)
    assert eventually(lambda: scrolls(640))


def test_the_button_is_in_sight_under_a_long_text(visitor: Visitor) -> None:
    texts = TEXTS["de"]
    offer = {"type": "email_capture", "consent_text": texts["consent"]["long"]}
    visitor.shop.add_popup(design={**texts["long"], "image_url": "https://images.example/a.png"}, offer=offer)
    visitor.visit()
    visitor.leave()
    assert visitor.sees("Sonderrabatt")
    assert visitor.window.until(f"{INSIDE.format('.main')}.getBoundingClientRect().bottom < innerHeight")
    assert visitor.window.run(f"return getComputedStyle({INSIDE.format('h2')}).hyphens") == "auto"


def test_an_address_brings_the_code(visitor: Visitor) -> None:
    code_id = visitor.shop.add_discount_code("FERN10")
    popup_id = visitor.shop.add_popup(offer={"type": "email_capture", "discount_code_id": code_id})
    visitor.visit()
    visitor.leave()
    assert visitor.sees("Before you go")
    visitor.window.run(f"{INSIDE.format('input')}.focus()")
    visitor.window.type("ada@example.com")
    visitor.window.press("Enter")
    assert visitor.sees("FERN10")
    assert eventually(lambda: visitor.shop.stats(popup_id)["conversions_by_type"]["email_capture"] == 1)


def test_whatever_intl_prints_is_read(visitor: Visitor) -> None:
    """Each browser has ICU data of its own."""
    visitor.shop.add_popup()
    visitor.visit()
    unread = f"({INTL})({json.dumps(PRINTABLE)})"
    module = f"import {{readMoney}} from '/{AMOUNTS.name}'; document.title = JSON.stringify({unread})"
    add = "document.head.append(Object.assign(document.createElement('script'), {type: 'module', text: arguments[0]}))"
    visitor.window.run(add, module)
    assert visitor.window.until("document.title.startsWith('[')")
    assert json.loads(visitor.window.run("return document.title")) == []


def test_an_order_that_is_told_while_the_page_goes_away_counts(visitor: Visitor) -> None:
    popup_id = visitor.shop.add_popup()
    visitor.visit()
    visitor.leave()
    assert visitor.sees("Before you go")
    assert eventually(lambda: visitor.shop.stats(popup_id)["views"] == 1)
    order = "{order_id: 'last', revenue: '12.50', currency: 'EUR'}"
    visitor.window.run(f"addEventListener('pagehide', () => exitIntent.purchase({order}), true)")
    visitor.window.go("about:blank")
    assert eventually(lambda: visitor.shop.stats(popup_id)["conversions_by_type"]["purchase"] == 1)
