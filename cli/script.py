"""The storefront script, put together from its parts."""

from pathlib import Path

PARTS = (
    "settings.js",
    "style.css",
    "lists.js",
    "ids.js",
    "storage.js",
    "visitor.js",
    "outbox.js",
    "delivery.js",
    "variants.js",
    "events.js",
    "colours.js",
    "dialog.js",
    "offer.js",
    "rules.js",
    "triggers.js",
    "exits.js",
    "api.js",
    "start.js",
)


def joined(storefront: Path) -> str:
    """One function around all parts, which therefore see each other's names and the page none of them."""
    folder = storefront / "script"
    parts = "\n".join(_part(folder / name) for name in PARTS)
    return f'(() => {{\n"use strict";\n\n{parts}}})();\n'


def _part(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    return f"const STYLE = `{text}`;\n" if path.suffix == ".css" else text
