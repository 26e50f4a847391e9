"""`popups reconcile`: reads what a shop's platforms know of its orders, since deliveries of webhooks get lost.

WooCommerce never repeats one, and Shopify gives up after four hours. An order that is known changes nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from cli.platforms.apis import orders_since
from cli.platforms.outside import Outside, OutsideError
from cli.progress import progress
from common.errors import Invalid, SecretsNotConfigured
from common.postgres.driver import Connection
from common.shop.order_sources import unseal_api
from functions.receive_orders.acting import record

SELECT_SHOPS = "SELECT DISTINCT shop_id FROM order_sources WHERE api IS NOT NULL ORDER BY shop_id"

SELECT_SOURCES = """
    SELECT id, shop_id, platform, api
    FROM order_sources
    WHERE shop_id = :shop_id AND api IS NOT NULL
    ORDER BY id
"""


# Also of a failure, which the merchant sees; the token is in no message.
NOTE_RECONCILED = """
    UPDATE order_sources
    SET reconciled_at = now(), reconcile_error = :error
    WHERE shop_id = :shop_id AND id = :id
"""


def reconcile(connection: Connection, shop_id: str, since: datetime, outside: Outside | None = None) -> dict[str, int]:
    """Record what the platforms' APIs tell. Return how much was new by source.

    One source's failure keeps no other from its turn; raises ClickException with all of them at the end.
    """
    found: dict[str, int] = {}
    failed: list[str] = []
    for source in connection.fetch_all(SELECT_SOURCES, shop_id=shop_id):
        name = f"{source['platform']} {source['id']}"
        error = None
        try:
            found[name] = _reconcile_source(connection, source, name, since, outside or Outside())
        except (OutsideError, SecretsNotConfigured, Invalid) as caught:
            error = str(caught)
            failed.append(f"{name}: {error}")
        connection.execute(NOTE_RECONCILED, shop_id=shop_id, id=source["id"], error=error)
    if failed:
        raise click.ClickException("; ".join(failed))
    return found


def _reconcile_source(
    connection: Connection, source: dict[str, Any], name: str, since: datetime, outside: Outside
) -> int:
    """Record what one platform's API tells. Return how much was new."""
    api = unseal_api(source["id"], source["api"])
    assert api is not None, "the query left out the others"
    new = 0
    pages = orders_since(source["platform"], api, since, outside)
    with progress(pages, name) as shown:
        for news in shown:
            new += record(source, news, connection)
    return new


def reconcile_all(connection: Connection, since: datetime, outside: Outside | None = None) -> dict[str, int]:
    """Reconcile every shop that has an order source with an API. Return how much was new by shop and source.

    One shop's failure keeps no other from its turn; raises ClickException with all of them at the end.
    """
    found: dict[str, int] = {}
    failed: list[str] = []
    for row in connection.fetch_all(SELECT_SHOPS):
        try:
            of_shop = reconcile(connection, row["shop_id"], since, outside)
            found |= {f"{row['shop_id']} {name}": new for name, new in of_shop.items()}
        except click.ClickException as error:
            failed.append(f"{row['shop_id']}: {error.message}")
    if failed:
        raise click.ClickException("; ".join(failed))
    return found
