"""Two variants of track_view without group commit, to measure the cost of one commit per request.

`plain_insert` stores only the view (no tallies, no unique viewers), so a comparison is biased in its favour.
`one_by_one` runs track_view's own statement for each request.
"""

from __future__ import annotations

from typing import Any

from common import postgres
from common.limits import VIEWS
from common.shop.events import as_json_row, as_parameters
from common.web import Audience, Function, Request, Response, json_response
from common.web.asgi import asgi_function
from functions.track_view.queries import INSERT_VIEWS
from functions.track_view.schemas import ViewsSchema

INSERT_VIEW = """
    INSERT INTO popup_views (event_id, shop_id, popup_id, session_id, visitor_id, variant_id, device_type,
        page_url, referrer)
    SELECT :event_id, shop_id, id, :session_id, :visitor_id, :variant_id, :device_type, :page_url, :referrer
    FROM popups
    WHERE id = :popup_id
    ON CONFLICT DO NOTHING
"""

plain_function = Function("plain_insert", limit=VIEWS, audience=Audience.STOREFRONT)
one_by_one_function = Function("one_by_one", limit=VIEWS, audience=Audience.STOREFRONT)


@plain_function.endpoint("POST", body=ViewsSchema())
def insert_plainly(request: Request) -> Response:
    with postgres.connection() as connection, connection.transaction():
        for view in request.data["events"]:
            connection.execute(INSERT_VIEW, **view)
    return _accepted(request.data["events"])


@one_by_one_function.endpoint("POST", body=ViewsSchema())
def insert_one_by_one(request: Request) -> Response:
    views = request.data["events"]
    rows = [as_json_row(view, origin=None, position=position) for position, view in enumerate(views)]
    with postgres.connection() as connection, connection.transaction():
        connection.fetch_all(INSERT_VIEWS, **as_parameters(rows))
    return _accepted(views)


def _accepted(views: list[dict[str, Any]]) -> Response:
    return json_response({"accepted": len(views)}, 202)


plain_insert = asgi_function(plain_function)
one_by_one = asgi_function(one_by_one_function)
