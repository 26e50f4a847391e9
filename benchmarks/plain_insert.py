"""What track_view must beat: the same code around a plain INSERT and COMMIT for each request.

It has less to do than track_view (no tallies, no unique viewers), so the comparison errs in its favour.
"""

from __future__ import annotations

from common import database
from common.asgi_adapter import asgi_function
from common.headers import Audience
from common.http import Function
from common.messages import Request, Response, json_response
from common.rate_limit import VIEWS
from functions.track_view.schemas import ViewsSchema

INSERT_VIEW = """
    INSERT INTO popup_views (event_id, shop_id, popup_id, session_id, visitor_id, variant_id, device_type,
        page_url, referrer)
    SELECT :event_id, shop_id, id, :session_id, :visitor_id, :variant_id, :device_type, :page_url, :referrer
    FROM popups
    WHERE id = :popup_id
    ON CONFLICT (event_id) DO NOTHING
"""

function = Function("plain_insert", limit=VIEWS, audience=Audience.STOREFRONT)


@function.endpoint("POST", body=ViewsSchema())
def accept_views(request: Request) -> Response:
    views = request.data["events"]
    with database.transaction() as session:
        for view in views:
            session.execute(INSERT_VIEW, **view)
    return json_response({"accepted": len(views)}, 202)


plain_insert = asgi_function(function)
