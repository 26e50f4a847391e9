"""Reads a shop's orders by its platform's API: GraphQL of Shopify's Admin API, and WooCommerce's REST API."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from cli.platforms.outside import Outside, OutsideError
from common.shop.orders import MAX_ORDER_ID_CHARACTERS, Refund, TrustedOrder
from functions.receive_orders import fields, woocommerce
from functions.receive_orders.news import News, withdrawn

PAGE = 50
# Of an endless list that an API would page through.
MAX_PAGES = 20_000

# https://shopify.dev/docs/api/admin-graphql/latest/queries/orders
SHOPIFY_ORDERS = """
query Orders($after: String, $first: Int!, $filter: String!) {
  orders(first: $first, after: $after, query: $filter, sortKey: UPDATED_AT) {
    pageInfo { hasNextPage endCursor }
    nodes {
      legacyResourceId name createdAt cancelledAt test displayFinancialStatus email discountCodes
      totalPriceSet { shopMoney { amount currencyCode } }
      customAttributes { key value }
      refunds { legacyResourceId createdAt totalRefundedSet { shopMoney { amount currencyCode } } }
    }
  }
}
"""
UNPAID = ("PENDING", "AUTHORIZED", "PARTIALLY_PAID", "EXPIRED", "VOIDED")


def orders_since(platform: str, api: dict[str, str], since: datetime, outside: Outside) -> Iterator[list[News]]:
    """Yield the news of each page of orders that changed since then. Raises OutsideError."""
    read = {"shopify": _shopify_pages, "woocommerce": _woocommerce_pages}[platform]
    return read(api, since, outside)


def _shopify_pages(api: dict[str, str], since: datetime, outside: Outside) -> Iterator[list[News]]:
    after = None
    headers = {"X-Shopify-Access-Token": api["token"]}
    for _ in range(MAX_PAGES):
        variables = {"first": PAGE, "after": after, "filter": f"updated_at:>='{since.astimezone(UTC).isoformat()}'"}
        page = _shopify_page(api["url"], headers, {"query": SHOPIFY_ORDERS, "variables": variables}, outside)
        yield [news for node in fields.items(page, "nodes") for news in _shopify_news(node)]
        info = page.get("pageInfo") or {}
        if not info.get("hasNextPage"):
            return
        after = info.get("endCursor")


def _shopify_page(url: str, headers: dict[str, str], body: dict[str, Any], outside: Outside) -> dict[str, Any]:
    """Return a page, waiting while the API says that it is asked too often (its bucket fills by the second)."""
    for tried in range(1, 10):
        content = outside.call("POST", url, headers, body).content
        data = content.get("data") if isinstance(content, dict) else None
        if isinstance(data, dict) and isinstance(data.get("orders"), dict):
            orders: dict[str, Any] = data["orders"]
            return orders
        codes = {(error.get("extensions") or {}).get("code") for error in fields.items(content, "errors")}
        if codes != {"THROTTLED"}:
            break
        outside.sleep(min(30.0, 2.0**tried))
    raise OutsideError("Shopify answered no orders: is the URL that of graphql.json, and may the token read_orders?")


def _shopify_news(node: dict[str, Any]) -> Iterator[News]:
    order = _shopify_order(node)
    if node.get("test") is True or node.get("cancelledAt"):
        yield from withdrawn(order, "test" if node.get("test") is True else "cancelled")
        return
    if node.get("displayFinancialStatus") in UNPAID:
        return
    yield order
    for refund in fields.items(node, "refunds"):
        amount, currency = _shop_money(refund, "totalRefundedSet")
        refund_id = fields.id_of(refund, "legacyResourceId")
        if amount and currency and refund_id:
            yield Refund(order.order_id, refund_id, amount, currency, fields.time(refund.get("createdAt")))


def _shopify_order(node: dict[str, Any]) -> TrustedOrder:
    revenue, currency = _shop_money(node, "totalPriceSet")
    codes = [code for code in node.get("discountCodes") or [] if isinstance(code, str)]
    name = fields.text(node, "name", MAX_ORDER_ID_CHARACTERS)
    return TrustedOrder(
        order_id=fields.order_id(node, "legacyResourceId"),
        source="shopify",
        ordered_at=fields.time(node.get("createdAt")),
        revenue=revenue,
        currency=currency,
        codes=fields.codes({"codes": [{"code": code} for code in codes]}, "codes"),
        visitor_id=fields.visitor(node, "customAttributes", "key"),
        email=fields.email(fields.text(node, "email")),
        aliases=tuple(dict.fromkeys((name, name.removeprefix("#")))) if name else (),
    )


def _shop_money(node: dict[str, Any], name: str) -> Any:
    amounts = node.get(name)
    money = amounts.get("shopMoney") if isinstance(amounts, dict) else None
    return fields.money(money.get("amount"), money.get("currencyCode")) if isinstance(money, dict) else (None, None)


def _woocommerce_pages(api: dict[str, str], since: datetime, outside: Outside) -> Iterator[list[News]]:
    """Read https://woocommerce.github.io/woocommerce-rest-api-docs/#list-all-orders; the token is key:secret."""
    headers = {"Authorization": f"Basic {base64.b64encode(api['token'].encode()).decode()}"}
    changed = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    for page in range(1, MAX_PAGES + 1):
        query = f"modified_after={changed}&dates_are_gmt=true&orderby=id&order=asc&per_page={PAGE}&page={page}"
        content = outside.call("GET", f"{api['url'].rstrip('/')}/orders?{query}", headers).content
        if not isinstance(content, list):
            raise OutsideError("WooCommerce answered no orders: is the URL that of wp-json/wc/v3?")
        yield [news for order in content if isinstance(order, dict) for news in woocommerce.order_news(order)]
        if len(content) < PAGE:
            return
