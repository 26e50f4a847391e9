"""What axe finds on a page as it stands."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

_SCRIPT = Axe().axe_script
# A button on its way from one colour to another has another contrast.
_RUN = """async () => {
    await Promise.all(document.getAnimations().map((one) => one.finished.catch(() => null)));
    const { violations } = await axe.run({ resultTypes: ["violations"] });
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}"""


def violations(page: Page) -> list[str]:
    """Each as its rule and the element. The script is read once a document: that costs twice what a look at it does."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(_SCRIPT)
    return list(page.evaluate(_RUN))
