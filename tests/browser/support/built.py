"""The storefront script's files, as they are committed and shops embed them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from playwright.sync_api import Route

from tests.support.stack import ROOT

DIST = ROOT / "storefront" / "dist"
FILES: dict[str, str] = json.loads((DIST / "files.json").read_text())
LOADER, DIALOG, CODES, AMOUNTS = (DIST / FILES[name] for name in ("loader", "dialog", "codes", "amounts"))

# What every page pays, what only one pays on which a popup could show, and what only one pays for which a code waits.
BUDGETS = {LOADER: 6 * 1024, DIALOG: 9 * 1024, CODES: 2 * 1024}


def gzipped_bytes(path: Path) -> int:
    """As it is uploaded."""
    return len(gzip.compress(path.read_bytes(), 9, mtime=0))


def budgets_told() -> str:
    told = (f"{path.name}: {gzipped_bytes(path)} of {budget} bytes" for path, budget in BUDGETS.items())
    return "Storefront script, gzipped: " + ", ".join(told)


def answer_script(route: Route) -> None:
    """Whatever the page calls the first file; the others have their own names."""
    path = DIST / route.request.url.rsplit("/", 1)[1]
    route.fulfill(path=path if path.is_file() else LOADER, content_type="text/javascript")
