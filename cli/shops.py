"""Shops and their keys, for operators: only they create a shop and its first key."""

from typing import Any

import click

from cli.google_cloud import add_secret_version
from common.config import settings
from common.errors import Conflict, Invalid
from common.postgres import Duplicate
from common.postgres.driver import Connection
from common.shop.api_keys import insert_key, new_key
from common.web import load_fields
from functions.get_active_popups.schemas import ShopQuery
from functions.manage_popups.api_keys import ApiKeySchema
from functions.manage_popups.shop import SELECT_TIME_ZONE, ShopSchema, checked_shop

INSERT_SHOP = """
    INSERT INTO shops (id, name, time_zone, currency, allowed_origins, popups_per_visit, seconds_between_popups,
        never_on_pages, shop_holdout_percent)
    VALUES (:id, :name, :time_zone, :currency, :allowed_origins, :popups_per_visit, :seconds_between_popups,
        :never_on_pages, :holdout_percent)
"""

SELECT_SHOP = "SELECT id FROM shops WHERE id = :id"

SELECT_SHOPS = """
    SELECT id, name, created_at
    FROM shops
    ORDER BY id
"""

SELECT_KEYS = """
    SELECT id, name, prefix, rights, created_at, last_used_at
    FROM api_keys
    WHERE shop_id = :shop_id AND revoked_at IS NULL
    ORDER BY created_at, id
"""

# By its id, or by its prefix, which is random enough to be one key's.
REVOKE_KEY = """
    UPDATE api_keys
    SET revoked_at = now()
    WHERE shop_id = :shop_id AND revoked_at IS NULL AND :key IN (id::text, prefix)
    RETURNING prefix
"""


def list_shops(connection: Connection) -> list[str]:
    """Return a line for each shop: its id, the day it was created and its name, between tabs."""
    return [f"{row['id']}\t{row['created_at']:%Y-%m-%d}\t{row['name']}" for row in connection.fetch_all(SELECT_SHOPS)]


def list_keys(connection: Connection, shop_id: str) -> list[str]:
    """Return a line for each key that works: id, prefix, rights, day created, day of last use and name."""
    refuse_unknown(connection, shop_id)
    return ["\t".join(_cells(row)) for row in connection.fetch_all(SELECT_KEYS, shop_id=shop_id)]


def revoke_key(connection: Connection, shop_id: str, key: str) -> str:
    """Revoke the key with this id or prefix, and return its prefix. Raises ClickException if there is none."""
    refuse_unknown(connection, shop_id)
    row = connection.fetch_one(REVOKE_KEY, shop_id=shop_id, key=key)
    if row is None:
        raise click.ClickException(f"{shop_id} has no such key: popups key list {shop_id} lists them")
    return str(row["prefix"])


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
    """Create a key of that shop and return it. It cannot be read again. Raises ClickException for invalid values."""
    refuse_unknown(connection, shop_id)
    key = new_key()
    try:
        load_fields(ApiKeySchema(), {"name": name, "rights": rights})
        insert_key(connection, shop_id, rights, name, key)
    except Invalid as invalid:
        raise click.ClickException(_one_line(invalid)) from None
    except Conflict as too_many:
        raise click.ClickException(too_many.detail) from None
    return key


def create_key_in_secret(connection: Connection, shop_id: str, rights: str, name: str, secret: str) -> str:
    """Create a key, add it to the secret, and return the secret's NAME:VERSION. A key that nobody has is not kept."""
    project = settings().google_cloud_project
    if not project:
        raise click.ClickException("GOOGLE_CLOUD_PROJECT is unset: it has the secret")
    with connection.transaction():
        key = create_key(connection, shop_id, rights, name)
        return add_secret_version(project, secret, key)


def refuse_unknown(connection: Connection, shop_id: str) -> None:
    """Raise ClickException if there is no such shop."""
    if not shop_exists(connection, shop_id):
        raise click.ClickException(f"There is no shop {shop_id}")


def _cells(key: dict[str, Any]) -> list[str]:
    used = f"{key['last_used_at']:%Y-%m-%d}" if key["last_used_at"] else "never used"
    return [str(key["id"]), key["prefix"], key["rights"], f"{key['created_at']:%Y-%m-%d}", used, key["name"]]


def _one_line(invalid: Invalid) -> str:
    """Format errors as `currency: An ISO 4217 code such as EUR.`, per field or per bad item of a list."""
    return "; ".join(
        f"{path.partition('.')[0]}: {' '.join(messages)}" for path, messages in (invalid.errors or {}).items()
    )
