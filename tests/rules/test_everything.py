"""The examples of tests/support/everything.py are complete, so that every test which uses them meets a new field."""

from collections.abc import Iterator
from typing import Any

import pytest
from marshmallow import Schema, fields

from functions.manage_popups.discount_codes.schemas import DiscountCodeSchema
from functions.manage_popups.popups.schemas import PopupSchema
from functions.manage_popups.shop import ShopSchema
from tests.support.everything import DISCOUNT_CODE, OF_CODES, POPUP, SHOP


def unset(schema: Schema, body: dict[str, Any], path: str = "") -> Iterator[str]:
    """Yield the paths of the fields that the body lacks."""
    for name, field in schema.fields.items():
        if name not in body:
            yield path + name
        elif isinstance(field, fields.Nested):
            yield from unset(field.schema, body[name], f"{path}{name}.")


@pytest.mark.parametrize(
    ("schema", "body"),
    [(PopupSchema(), POPUP), (DiscountCodeSchema(), DISCOUNT_CODE), (ShopSchema(), SHOP)],
    ids=["popups", "discount codes", "shops"],
)
def test_example_sets_every_field(schema: Schema, body: dict[str, Any]) -> None:
    assert set(unset(schema, body)) - OF_CODES == set()
