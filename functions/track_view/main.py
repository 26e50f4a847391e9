"""track_view: stores the views that storefronts report, each exactly once."""

from __future__ import annotations

from common.limits import VIEWS
from common.shop.crawler_tallies import count_crawler
from common.shop.events import refusal
from common.web import Audience, Function, Request, Response, answers, json_response, page_origin
from common.web.asgi import asgi_function
from common.web.crawlers import is_crawler
from functions.track_view.recording import record_views
from functions.track_view.schemas import ViewsSchema

function = Function("track_view", path="shop-notes", limit=VIEWS, audience=Audience.STOREFRONT)


@function.endpoint("POST", body=ViewsSchema())
@answers({202: "Accepted"}, problems=(403, 404))
async def report_views(request: Request) -> Response:
    """Report one view, or up to 50."""
    views = request.data["events"]
    if is_crawler(request):
        await count_crawler(view["popup_id"] for view in views)
        return json_response({"accepted": len(views)}, 202)
    rejected = await record_views(views, page_origin(request))  # returns once they are committed
    if rejected and not request.data["is_list"]:
        raise refusal(rejected[0]["code"])
    if len(rejected) == len(views) and any(each["code"] == "origin_not_allowed" for each in rejected):
        raise refusal("origin_not_allowed")
    answer = {"accepted": len(views) - len(rejected)}
    return json_response(answer | ({"rejected": rejected} if rejected else {}), 202)


track_view = asgi_function(function)
