"""The bucket's files as the front door serves them: with which headers.

A backend bucket has one set of headers, so each of the console's pages, which have a policy of their own, has one.
"""

from __future__ import annotations

import json
from functools import cache

from ops.deploy.commands import ROOT

FILES = "popups-files"
"""The backend bucket of everything that needs no headers of its own."""

PAGES = {"index.html": "popups-console", "preview.html": "popups-preview"}
CONSOLE_HEADERS = ROOT / "console/dist/headers.json"

SAFETY = {"Strict-Transport-Security": "max-age=31536000", "X-Content-Type-Options": "nosniff"}


@cache
def backend_buckets() -> dict[str, list[str]]:
    """Return each backend bucket's response headers; those of the console's pages once it is built."""
    buckets = {FILES: _lines(SAFETY)}
    if CONSOLE_HEADERS.exists():
        for page, headers in json.loads(CONSOLE_HEADERS.read_text()).items():
            # How long a file may be kept is said where it is stored.
            own = {name: text for name, text in headers.items() if name != "Cache-Control"}
            buckets[PAGES[page]] = _lines(SAFETY | own)
    return buckets


def _lines(headers: dict[str, str]) -> list[str]:
    return [f"{name}: {text}" for name, text in headers.items()]
