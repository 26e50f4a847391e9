"""track_conversion: keeps what came of a popup, each conversion once, and gives out its discount code."""

from __future__ import annotations

from common.limits import CONVERSIONS
from common.shop.events import refusal
from common.web import Audience, Function, Request, Response, json_response, page_origin
from common.web.asgi import asgi_function
from functions.track_conversion.recording import record_conversion
from functions.track_conversion.schemas import ConversionSchema

function = Function("track_conversion", limit=CONVERSIONS, audience=Audience.STOREFRONT)


@function.endpoint("POST", body=ConversionSchema())
async def accept_conversion(request: Request) -> Response:
    recorded = await record_conversion(request.data, page_origin(request))  # returns once it is committed
    if recorded["refusal"]:
        raise refusal(recorded["refusal"])
    answer = {"conversion_id": recorded["conversion_id"]}
    if recorded["issued_code"]:
        answer["discount_code"] = recorded["issued_code"]
    return json_response(answer, 201 if recorded["is_new"] else 200)


track_conversion = asgi_function(function)
