"""Shops and their first keys, which only an operator creates."""

from typing import Any

import click

from common.errors import Conflict, Invalid
from common.postgres import Duplicate
from common.postgres.driver import Connection
from common.shop.api_keys import insert_key, new_key
from common.web import load_fields
from functions.get_active_popups.schemas import ShopQuery
from functions.manage_popups.shop import SELECT_TIME_ZONE, ShopSchema, checked_shop

INSERT_SHOP = """
    INSERT INTO shops (id, name, time_zone, currency, allowed_origins, popups_per_visit, seconds_between_popups,
        never_on_pages, shop_holdout_percent)
    VALUES (:id, :name, :time_zone, :currency, :allowed_origins, :popups_per_visit, :seconds_between_popups,
        :never_on_pages, :holdout_percent)
"""

SELECT_SHOP = "SELECT id FROM shops WHERE id = :id"


def create_shop(connection: Connection, shop_id: str, **shop: Any) -> None:
    """Create a shop. Raises ClickException for invalid values."""
    try:
        ShopQuery().load({"shop_id": shop_id})
        checked = checked_shop(load_fields(ShopSchema(), shop))
    except Invalid as invalid:
        raise click.ClickException(_one_line(invalid)) from None
    if not connection.fetch_one(SELECT_TIME_ZONE, name=checked["time_zone"]):
        raise click.ClickException(f"time_zone: the database does not know {checked['time_zone']}")
    try:
        connection.execute(INSERT_SHOP, id=shop_id, **checked)
    except Duplicate:
        raise click.ClickException(f"There is a shop {shop_id} already") from None


def shop_exists(connection: Connection, shop_id: str) -> bool:
    return connection.fetch_one(SELECT_SHOP, id=shop_id) is not None


def create_key(connection: Connection, shop_id: str, rights: str, name: str = "") -> str:
    """Create a key of that shop and return it. It cannot be read again."""
    if not shop_exists(connection, shop_id):
        raise click.ClickException(f"There is no shop {shop_id}")
    key = new_key()
    try:
        insert_key(connection, shop_id, rights, name, key)
    except Conflict as too_many:
        raise click.ClickException(too_many.detail) from None
    return key


def _one_line(invalid: Invalid) -> str:
    """Format errors as `currency: An ISO 4217 code such as EUR.`, per field or per bad item of a list."""
    return "; ".join(
        f"{path.partition('.')[0]}: {' '.join(messages)}" for path, messages in (invalid.errors or {}).items()
    )
