"""Takes the README's picture of the popup in the demo store anew: `python -m tests.browser.screenshot`.

The picture is a JPEG inside an SVG, which is text, so that everything in the repository can be read and compared.
"""

from __future__ import annotations

import base64
import sys

from playwright.sync_api import sync_playwright

from cli.dev.child import Child, free_port
from tests.browser.support.shopper import wait_until
from tests.support.chromium import ARGUMENTS, CHROMIUM
from tests.support.stack import ROOT, temporary_folder

PICTURE = ROOT / "docs" / "images" / "popup.svg"
WIDTH, HEIGHT = 1120, 760
IS_READY = """window.exitIntent?.explain?.().length > 0
    && performance.getEntriesByType("resource").some(({ name }) => name.includes("storefront-dialog-"))"""
QUALITY = 70


def main() -> None:
    port = free_port()
    with temporary_folder() as folder:
        log = folder / "log"
        program = [sys.executable, "-c", "from cli.main import popups; popups()"]
        store = Child(
            "popups dev",
            [*program, "dev", "--port", str(port), "--data", str(folder / "data"), "--no-history"],
            log,
            folder=ROOT,
        )
        store.start(lambda: "Ctrl-C stops everything" in log.read_text())
        try:
            picture = base64.b64encode(taken(f"http://localhost:{port}")).decode()
        finally:
            store.stop()
    PICTURE.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f'<image width="{WIDTH}" height="{HEIGHT}" href="data:image/jpeg;base64,{picture}"/></svg>\n'
    )


def taken(address: str) -> bytes:
    """Return a JPEG of the page once the mouse has left it through the top and the popup shows."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, reduced_motion="reduce")
        page.goto(address)
        wait_until(page, IS_READY, seconds=60)
        page.wait_for_timeout(1200)  # Nothing is an exit within the first second.
        for y in (400, 200, 50, 5, -10):
            page.mouse.move(WIDTH / 2, y)
        page.get_by_role("dialog").wait_for()
        page.wait_for_timeout(1000)
        picture = page.screenshot(type="jpeg", quality=QUALITY)
        browser.close()
    return picture


if __name__ == "__main__":
    main()
