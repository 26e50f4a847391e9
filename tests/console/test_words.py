"""What the functions answer in codes, the console says in words; a new code fails here until it does."""

from __future__ import annotations

import re

from common.shop.events import HOLDOUTS
from functions.manage_popups.popups import explain, rules
from functions.manage_popups.popups.schemas import FrequencySchema, TargetingSchema
from tests.console.test_build import CONSOLE


def said(table: str) -> set[str]:
    """Return the keys of a table of console/src/words/reasons.ts."""
    text = (CONSOLE / "src/words/reasons.ts").read_text()
    begun = text.split(f"const {table}:")[1].split("\n};")[0]
    return set(re.findall(r'^  "?([\w.]+)"?: ', begun, re.MULTILINE))


def test_every_rule_that_says_no_has_words() -> None:
    served = {"status", "priority", "size", "shop.never_on_pages", *explain._WHY_NOT_SERVED.values()}
    codes = served | set(rules._RULES) | set(HOLDOUTS)
    assert codes - said("REASONS") == set()


def test_every_rule_that_only_a_browser_knows_has_words() -> None:
    assert set(explain.not_checked(None)) - said("BROWSERS") == set()


def test_the_sentences_about_a_popup_tell_of_every_rule() -> None:
    """One that they leave out would be told as a popup for everyone."""
    sentences = (CONSOLE / "src/words/settings.ts").read_text()
    fields = {*TargetingSchema().fields, *FrequencySchema().fields}
    assert {name for name in fields if not re.search(rf"\b{name}\b", sentences)} == set()
