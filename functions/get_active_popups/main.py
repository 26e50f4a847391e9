"""get_active_popups: the popups that a storefront may show now, read through the cache."""

from __future__ import annotations

from common import cache
from common.errors import ShopNotFound
from common.limits import DEFAULT
from common.shop.active_popups import cached_answer
from common.web import Audience, Function, Request, Response, answer_cached, answers, for_cdn
from common.web.asgi import asgi_function
from functions.get_active_popups.schemas import ShopQuery

CACHE_CONTROL = "public, max-age=30, stale-while-revalidate=300, stale-if-error=86400"

function = Function("get_active_popups", path="shop-content", limit=DEFAULT, audience=Audience.STOREFRONT)


@function.endpoint("GET", query=ShopQuery())
@answers({200: "Storefront", 304: None}, headers=("ETag", "X-Cache"), problems=(404,))
async def list_active_popups(request: Request) -> Response:
    """List the popups that a storefront shows now."""
    shop_id = request.query["shop_id"]
    cached = await cache.get_async(*cached_answer(shop_id, request.query["rules"]))
    if cached.entry.body is None:
        raise ShopNotFound()
    return for_cdn(answer_cached(request, cached, CACHE_CONTROL), f"shop-{shop_id}")


get_active_popups = asgi_function(function)
