"""Pictures of every layout in every state, to be looked at: `python -m tests.browser.contact_sheet FOLDER [WORD…]`.

One sheet for each screen and language (words narrow them down: `phone de`), a row for each layout, a column for each
state. It takes the built script, with answers of its own in place of the functions. For more scripts than Latin it
needs fonts: Debian's fonts-noto-core and fonts-noto-cjk.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Route, sync_playwright

from tests.browser.support.built import answer_script
from tests.support.chromium import ARGUMENTS, CHROMIUM
from tests.support.stack import ROOT

ORIGIN = "http://shop.localhost"
IMAGE = "https://images.example/plant.svg"
FOLDER = ROOT / "tests" / "browser" / "sheet"
TEXTS: dict[str, dict[str, Any]] = json.loads((FOLDER / "texts.json").read_text())

TOUCH = {"has_touch": True, "is_mobile": True}
SCREENS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1440, "height": 900}},
    "laptop": {"viewport": {"width": 1280, "height": 720}},
    "phone": {"viewport": {"width": 390, "height": 844}, **TOUCH},
    "small-phone": {"viewport": {"width": 320, "height": 568}, **TOUCH},
    "phone-on-its-side": {"viewport": {"width": 844, "height": 390}, **TOUCH},
}

SAND = {"background_color": "#fbf7ef", "button_color": "#b45309"}
NIGHT = {"background_color": "#10261c", "text_color": "#f0fdf4", "button_color": "#bbf7d0"}
LAYOUTS: dict[str, dict[str, Any]] = {
    "plain": {"button_color": "#111111", "width": 440, "border_radius": 0},
    "centered": {"image_url": IMAGE, "button_color": "#2f6b4f", "width": 460, "border_radius": 20},
    "left": {"image_url": IMAGE, "layout": "left", "width": 760, **SAND},
    "right": {"image_url": IMAGE, "layout": "right", "width": 640, "border_radius": 32, **NIGHT},
    "default": {"image_url": IMAGE, "layout": "left"},
}
STATES = ("short", "long", "problem", "code", "thanks", "closed")

CODE = {
    "code": "FERN-WELCOME-2027",
    "type": "percentage",
    "value": "10.00",
    "expires_at": "2027-01-01T00:00:00Z",
    "valid_until_day": "2026-12-31",
}


def main() -> None:
    folder, wanted = Path(sys.argv[1]), set(sys.argv[2:])
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for screen in wanted & SCREENS.keys() or SCREENS:
            for language in wanted & TEXTS.keys() or TEXTS:
                rows = [row(browser, screen, language, layout) for layout in LAYOUTS]
                write(browser, rows, SCREENS[screen]["viewport"]["width"], folder / f"{screen}-{language}.png")
        browser.close()


def row(browser: Browser, screen: str, language: str, layout: str) -> list[bytes]:
    """One layout in each state."""
    context = browser.new_context(**SCREENS[screen], reduced_motion="reduce")
    picture = (FOLDER / "plant.svg").read_text()
    context.route(IMAGE, lambda route: route.fulfill(body=picture, content_type="image/svg+xml"))
    context.route(f"{ORIGIN}/**", lambda route: answer(route, TEXTS[language], layout))
    page = context.new_page()
    page.goto(ORIGIN)
    page.wait_for_function("window.exitIntent?.explain?.().length === 2")
    pictures = [page.screenshot(type="jpeg", quality=80) for _ in states(page)]
    context.close()
    return pictures


def states(page: Page) -> Iterator[str]:
    """Brings the page into each."""
    dialog = page.get_by_role("dialog")

    def bring(name: str) -> None:
        """Trigger the popup, again and again until it shows: the script may not listen yet."""
        clicking = "document.querySelector(`#${name}`).click() || document.querySelector('body > div')?.shadowRoot"
        page.keyboard.press("Escape")
        dialog.wait_for(state="detached")
        page.wait_for_function(f"name => {clicking}", arg=name, polling=200)

    def answer_with(email: str) -> None:
        dialog.locator("[type=email]").fill(email)
        dialog.locator(".main").click()
        page.wait_for_timeout(300)

    for name in ("short", "long"):
        bring(name)
        yield name
    bring("short")
    answer_with("ada@")
    yield "problem"
    for name, state in (("long", "code"), ("short", "thanks")):
        bring(name)
        dialog.locator("[type=checkbox]").check()
        answer_with("ada@example.com")
        yield state
    page.keyboard.press("Escape")
    page.get_by_role("complementary").wait_for()
    yield "closed"


def answer(route: Route, texts: dict[str, Any], layout: str) -> None:
    """As the functions would."""
    path = route.request.url.removeprefix(ORIGIN).split("?")[0]
    if path == "/":
        words = json.dumps(texts["words"])
        page = (FOLDER / "page.html").read_text().replace("LANG", texts["lang"]).replace("DIR", texts["dir"])
        page = page.replace("WORDS", words).replace("TIME", "night" if layout == "right" else "day")
        route.fulfill(body=page, content_type="text/html; charset=utf-8")
    elif path == "/api/get_active_popups":
        popups = [popup(name, texts, LAYOUTS[layout]) for name in ("short", "long")]
        route.fulfill(json={"shop_id": "acme", "popups": popups})
    elif path == "/api/track_conversion":
        has_code = json.loads(route.request.post_data or "")["popup_id"] == "long"
        route.fulfill(status=201, json={"conversion_id": "1", **({"discount_code": CODE} if has_code else {})})
    elif path == "/api/track_view":
        route.fulfill(status=202, json={"accepted": 1})
    else:
        answer_script(route)


def popup(name: str, texts: dict[str, Any], design: dict[str, Any]) -> dict[str, Any]:
    """One that shows by a click on what has its name for an id, as often as one likes."""
    return {
        "id": name,
        "trigger": {"type": "click", "selector": f"#{name}"},
        "design": {**texts[name], **design},
        "targeting": {},
        "frequency": {"max_per_session": 100, "days_after_close": 0, "days_after_conversion": 0},
        "offer": {"type": "email_capture", "consent_text": texts["consent"][name], "has_code": name == "long"},
        "variants": [],
        "holdout_percent": 0,
    }


def write(browser: Browser, rows: list[list[bytes]], width: int, path: Path) -> None:
    """All pictures on one page, half as large where they are large."""
    small = width // 2 if width > 400 else width * 4 // 5
    shots = [base64.b64encode(shot).decode() for shots in rows for shot in shots]
    images = "".join(f'<img src="data:image/jpeg;base64,{shot}" width="{small}">' for shot in shots)
    columns = len(rows[0])
    page = browser.new_page(viewport={"width": columns * (small + 8) + 8, "height": 100})
    style = f"display: grid; gap: 8px; margin: 8px; background: #444; grid-template-columns: repeat({columns}, auto)"
    page.set_content(f'<body style="{style}">{images}')
    page.screenshot(path=path, full_page=True)
    page.close()


if __name__ == "__main__":
    main()
