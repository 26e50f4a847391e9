"""How the script comes into a page: combined with others, by a tag manager, beside a <base>, in an old browser."""

from __future__ import annotations

import json
from functools import partial

import pytest

from tests.browser.support.built import DIALOG, LOADER
from tests.browser.support.shopper import ORIGIN, Shop, Shopper, wait_until


def embed(shopper: Shopper, html: str, path: str = "/") -> None:
    """Open a page of this HTML alone and wait until the script has started."""
    page = f"<!doctype html><meta charset=utf-8><title>Shop</title>{html}<h1>Shop</h1><p style='height: 3000px'>"
    shopper.context.route(ORIGIN + path, lambda route: route.fulfill(body=page, content_type="text/html"))
    popups = shopper.address_of("get_active_popups")
    with shopper.page.expect_response(lambda response: response.url.startswith(popups)):
        shopper.page.goto(ORIGIN + path)
        shopper.wait(1)
    wait_until(shopper.page, "exitIntent.explain().length")
    shopper.wait(2)
    shopper.page.evaluate("address => import(address).then(() => null)", f"{ORIGIN}/{DIALOG.name}")


def settings_of(shop: Shop, **more: str) -> str:
    """Return a script element whose exitIntentSettings say what the tag's attributes would."""
    functions = {
        "getActivePopups": f"{shop.functions['get_active_popups']}/",
        "trackView": f"{shop.functions['track_view']}/",
        "trackConversion": f"{shop.functions['track_conversion']}/",
    }
    return f"<script>exitIntentSettings = {json.dumps({'shop': shop.id, **functions, **more})}</script>"


def combined(shopper: Shopper) -> None:
    """Serve the file of an optimizer from another origin: another script and ours in one."""
    script = f"var theme = 1;\n{LOADER.read_text()}\nvar more = 2;"
    shopper.context.route("**/assets/all.js", lambda route: route.fulfill(body=script, content_type="text/javascript"))


ADD_TAG = """<script>
    const tag = document.createElement("script");
    tag.src = "/exit_intent.js";
    document.head.append(tag);
</script>"""
EMBEDDINGS = {
    "settings before a tag without attributes": "{settings}<script async src=/exit_intent.js></script>",
    "a tag manager that keeps no attributes": "{settings}" + ADD_TAG,
    "a combined script that is told of the files": "{settings_with_files}<script src=/assets/all.js></script>",
    "a combined script beside the tag that it replaced": (
        "<script type=text/plain src=/exit_intent.js {tag}></script><script src=/assets/all.js></script>"
    ),
    "an inline module": "{settings_with_files}<script type=module>{loader}</script>",
}


@pytest.mark.parametrize("html", EMBEDDINGS.values(), ids=EMBEDDINGS)
def test_the_shop_is_found_however_the_script_came(shop: Shop, shopper: Shopper, html: str) -> None:
    shop.add_popup(design={"button_text": "Own words"})
    combined(shopper)
    parts = {
        "{settings}": settings_of(shop),
        "{settings_with_files}": settings_of(shop, files=f"{ORIGIN}/"),
        "{tag}": shop.tag,
        "{loader}": LOADER.read_text(),
    }
    for name, part in parts.items():
        html = html.replace(name, part)
    embed(shopper, html)
    shopper.leave()
    assert shopper.is_shown()


def test_the_scripts_own_tag_says_more_than_the_page(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup()
    embed(
        shopper,
        f"<script>exitIntentSettings = {{shop: 'another'}}</script><script src=/exit_intent.js {shop.tag}></script>",
    )
    shopper.leave()
    assert shopper.is_shown()


def test_a_base_element_does_not_lead_the_script_elsewhere(shop: Shop, shopper: Shopper) -> None:
    asked: list[str] = []
    shopper.page.on("request", lambda request: asked.append(request.url.split("?")[0]))
    for api in ("", "/", "/api", "/api/"):
        html = f"""<!doctype html><base href="https://elsewhere.example/shop/">
            <script src="{ORIGIN}/exit_intent.js" data-shop="{shop.id}" data-api="{api}"></script>"""
        serve(shopper, html)
        asked.clear()
        shopper.page.goto(f"{ORIGIN}/")
        shopper.wait(1)
        assert shopper.eventually(partial(asked.count, f"{ORIGIN}{api.rstrip('/')}/get_active_popups")), api


def serve(shopper: Shopper, html: str) -> None:
    shopper.context.route(f"{ORIGIN}/", lambda route: route.fulfill(body=html, content_type="text/html"))


def test_a_browser_that_does_not_know_modal_dialogs_is_left_in_peace(shop: Shop, shopper: Shopper) -> None:
    """Chromium 80 to 104 have adopted style sheets and throw at `:modal`."""
    shop.add_popup()
    old = "<script>delete window.CSSContainerRule</script>"
    html = f"<!doctype html>{old}<script src=/exit_intent.js {shop.tag}></script>"
    shopper.context.route(f"{ORIGIN}/", lambda route: route.fulfill(body=html, content_type="text/html"))
    shopper.page.goto(f"{ORIGIN}/")
    shopper.wait(1)
    assert shopper.page.evaluate("window.exitIntent") is None
