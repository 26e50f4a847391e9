"""track_view: stores the views, exposures and closes that storefronts report, each exactly once."""

from __future__ import annotations

from typing import Any

from common.limits import VIEWS
from common.shop.crawler_tallies import count_crawler
from common.shop.events import refusal_error
from common.web import Audience, Function, Request, Response, answers, json_response, page_origin
from common.web.asgi import asgi_function
from common.web.crawlers import is_crawler
from functions.track_view.recording import record_events
from functions.track_view.schemas import LISTS, ViewsSchema

function = Function("track_view", path="shop-notes", limit=VIEWS, audience=Audience.STOREFRONT)


@function.endpoint("POST", body=ViewsSchema())
@answers({202: "Accepted"}, problems=(403, 404))
async def report_views(request: Request) -> Response:
    """Report one view, or up to 50 views, exposures and closes."""
    events = [(kind, event) for kind, name in LISTS.items() for event in request.data[name]]
    if is_crawler(request):
        await count_crawler(event["popup_id"] for _, event in events)
        return json_response({"accepted": len(events)}, 202)
    refusals = await record_events(events, page_origin(request))  # returns once they are committed
    rejected = _rejected(request.data, refusals) if any(refusals) else []
    if rejected and not request.data["is_list"]:
        raise refusal_error(rejected[0]["code"])
    if len(rejected) == len(events) and any(each["code"] == "origin_not_allowed" for each in rejected):
        raise refusal_error("origin_not_allowed")
    answer = {"accepted": len(events) - len(rejected)}
    return json_response(answer | ({"rejected": rejected} if rejected else {}), 202)


def _rejected(body: dict[str, Any], refusals: list[str | None]) -> list[dict[str, Any]]:
    """Return the place and the code of each refused event, as the answer shows them."""
    places = [(name, index) for name in LISTS.values() for index in range(len(body[name]))]
    return [
        {"index": index, "code": code} | ({} if name == "events" else {"list": name})
        for (name, index), code in zip(places, refusals, strict=True)
        if code
    ]


track_view = asgi_function(function)
