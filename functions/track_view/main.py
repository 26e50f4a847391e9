"""track_view: keeps the views that storefronts report, each exactly once."""

from __future__ import annotations

from common.asgi_adapter import asgi_function
from common.crawlers import is_crawler
from common.events import refusal
from common.headers import Audience, page_origin
from common.http import Function
from common.messages import Request, Response, json_response
from common.rate_limit import VIEWS
from functions.track_view.queries import record_views
from functions.track_view.schemas import ViewsSchema

function = Function("track_view", limit=VIEWS, audience=Audience.STOREFRONT)


@function.endpoint("POST", body=ViewsSchema())
async def accept_views(request: Request) -> Response:
    views = request.data["events"]
    if is_crawler(request):
        return json_response({"accepted": len(views)}, 202)
    rejected = await record_views(views, page_origin(request))  # returns once they are committed
    if rejected and not request.data["is_list"]:
        raise refusal(rejected[0]["code"])
    if len(rejected) == len(views) and any(each["code"] == "origin_not_allowed" for each in rejected):
        raise refusal("origin_not_allowed")
    answer = {"accepted": len(views) - len(rejected)}
    return json_response(answer | ({"rejected": rejected} if rejected else {}), 202)


track_view = asgi_function(function)
