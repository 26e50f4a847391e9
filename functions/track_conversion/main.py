"""track_conversion: stores a popup's conversions, each exactly once, and issues its discount codes."""

from __future__ import annotations

from typing import Any

from common.limits import CONVERSIONS
from common.shop.crawler_tallies import count_crawler
from common.shop.events import refusal_error
from common.web import Audience, Function, Request, Response, answers, json_response, page_origin
from common.web.asgi import asgi_function
from common.web.crawlers import is_crawler
from functions.track_conversion.recording import record_conversion
from functions.track_conversion.schemas import ConversionSchema

function = Function("track_conversion", path="shop-replies", limit=CONVERSIONS, audience=Audience.STOREFRONT)


@function.endpoint("POST", body=ConversionSchema())
@answers({200: "Conversion", 201: "Conversion"}, problems=(403, 404))
async def report_conversion(request: Request) -> Response:
    """Report a conversion, and get the discount code that it brings."""
    if is_crawler(request):
        await count_crawler([popup_id] if (popup_id := request.data["popup_id"]) else [])
        return json_response({"conversion_id": request.data["event_id"]}, 201)
    recorded = await record_conversion(request.data, page_origin(request), request.client)  # once it is committed
    if recorded["refusal"]:
        raise refusal_error(recorded["refusal"])
    answer: dict[str, Any] = {"conversion_id": recorded["conversion_id"]}
    if recorded["issued_code"]:
        answer["discount_code"] = recorded["issued_code"]
    return json_response(answer, 201 if recorded["is_new"] else 200)


track_conversion = asgi_function(function)
