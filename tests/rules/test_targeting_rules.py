"""Targeting rules: the schema, the server, the storefront script and the documents have the same ones."""

import re

from marshmallow import Schema

from common.shop.targeting_rules import EDITIONS, NEWEST_EDITION
from functions.manage_popups.popups.rules import _RULES
from functions.manage_popups.popups.schemas import FrequencySchema, TargetingSchema
from tests.support.imports import ROOT

SCHEMAS: dict[str, Schema] = {"targeting": TargetingSchema(), "frequency": FrequencySchema()}
LOADER = ROOT / "storefront" / "script" / "loader"

# A copy on purpose: scripts that shops pin know these rules for ever. A new rule is one of a new edition.
RULES_OF_EDITION = {
    1: {
        "include_pages",
        "exclude_pages",
        "device_types",
        "visitors",
        "referrers",
        "utm",
        "min_cart_value",
        "max_cart_value",
        "min_cart_items",
    },
}


def rules_of_script() -> list[str]:
    """Return the rules of the storefront script as `group.field`, in their order."""
    (source,) = re.findall(r"^const RULES = \{\n(.*?)^\};", (LOADER / "rules.js").read_text(), re.MULTILINE | re.DOTALL)
    group, names = "", []
    for indent, name in re.findall(r"^( {2}| {4})(\w+): ", source, re.MULTILINE):
        if indent == "  ":
            group = name
        else:
            names.append(f"{group}.{name}")
    return names


def test_every_targeting_field_is_a_rule_of_an_edition() -> None:
    assert set(EDITIONS) == set(SCHEMAS["targeting"].fields)


def test_the_script_and_the_server_apply_the_same_rules_in_the_same_order() -> None:
    fields = {f"{group}.{name}" for group, schema in SCHEMAS.items() for name in schema.fields}
    assert set(_RULES) == fields
    assert rules_of_script() == list(_RULES)


def test_a_rule_is_never_added_to_an_edition_that_scripts_have() -> None:
    by_edition = {number: {name for name, its in EDITIONS.items() if its == number} for number in RULES_OF_EDITION}
    assert by_edition == RULES_OF_EDITION
    assert set(EDITIONS.values()) <= set(RULES_OF_EDITION)


def test_the_script_asks_for_the_newest_edition() -> None:
    (asked,) = re.findall(r"^const RULES = ([0-9]+);", (LOADER / "popups.js").read_text(), re.MULTILINE)
    assert int(asked) == NEWEST_EDITION == max(RULES_OF_EDITION)


def test_the_page_for_merchants_developers_explains_every_field() -> None:
    page = (ROOT / "docs" / "targeting.md").read_text()
    explained = re.findall(r"^\| `((?:targeting|frequency)\.\w+)` \|", page, re.MULTILINE)
    assert explained == [f"{group}.{name}" for group, schema in SCHEMAS.items() for name in schema.fields]
