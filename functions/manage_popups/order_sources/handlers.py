"""Connects a shop's platforms, and lists what their customers asked for. No answer has a secret."""

from __future__ import annotations

import uuid
from typing import Any

from common import postgres
from common.errors import Conflict, Invalid, NotFound, OrderSourceNotFound
from common.ids import new_id
from common.json_text import is_storable
from common.shop.order_sources import seal_api, seal_secrets, unseal_api, unseal_secrets
from common.web import Request, Response, answers, json_response, public_address
from functions.manage_popups.order_sources import queries
from functions.manage_popups.order_sources.schemas import OrderSourceSchema
from functions.manage_popups.rest.idempotency import once
from functions.manage_popups.rest.patching import merged, retry_lost_edits

MAX_SOURCES = 20

_schema = OrderSourceSchema()


@answers({201: "PlatformSource"}, headers=("Location",), problems=(409,))
def create_order_source(request: Request) -> Response:
    """Connect a platform that reports the shop's orders.

    The platform's webhooks go to the answer's `url`. They are signed with one of the `secrets`, which are stored
    encrypted and never answered.
    """
    source_id, given = new_id(), request.data
    sealed = _sealed(source_id, given)

    def insert(connection: postgres.Connection) -> Response:
        row = connection.fetch_one(
            queries.INSERT_SOURCE,
            id=source_id,
            shop_id=request.shop_id,
            platform=given["platform"],
            most=MAX_SOURCES,
            **sealed,
        )
        if row is None:
            raise Conflict(f"A shop has at most {MAX_SOURCES} order sources.")
        return json_response(_shown(row, given), 201, {"Location": f"/order-sources/{source_id}"})

    return once(request, insert)


@answers({200: "PlatformSources"})
def list_order_sources(request: Request) -> Response:
    """List the shop's order sources, newest first."""
    rows = postgres.fetch_all(queries.SELECT_SOURCES, shop_id=request.shop_id)
    return json_response({"order_sources": [_shown(row, _opened(row)) for row in rows]})


@answers({200: "PlatformSource"}, problems=(409,))
def update_order_source(request: Request, source_id: uuid.UUID) -> Response:
    """Change an order source's secrets, or its API, by a merge patch."""
    source = {"shop_id": request.shop_id, "id": source_id}

    def merge(connection: postgres.Connection) -> postgres.Row | None:
        row = connection.fetch_one(queries.SELECT_SOURCE, **source)
        if row is None:
            raise OrderSourceNotFound()
        changed = merged(_schema, _opened(row), request.data)
        if changed["platform"] != row["platform"]:
            raise Invalid(errors={"platform": ["An order source keeps its platform: make another one."]})
        sealed = _sealed(source_id, changed)
        written = connection.fetch_one(queries.UPDATE_SOURCE, **source, **sealed, read_updated_at=row["updated_at"])
        return written and _shown(written, changed)

    return json_response(retry_lost_edits(merge))


@answers({204: None})
def delete_order_source(request: Request, source_id: uuid.UUID) -> Response:
    """Disconnect a platform. Orders that it reported stay."""
    if not postgres.fetch_one(queries.DELETE_SOURCE, shop_id=request.shop_id, id=source_id):
        raise OrderSourceNotFound()
    return Response(204)


@answers({200: "CustomerRequests"})
def list_customer_requests(request: Request, source_id: uuid.UUID) -> Response:
    """List the requests of customers for their data that the platform passed on, oldest first."""
    rows = postgres.fetch_all(queries.SELECT_REQUESTS, shop_id=request.shop_id, id=source_id)
    if not rows:
        raise OrderSourceNotFound()
    columns = ("request_id", "email", "customer_id", "order_ids", "requested_at")
    requests = [{name: row[name] for name in columns} for row in rows if row["request_id"] is not None]
    return json_response({"requests": requests})


@answers({204: None})
def drop_customer_request(request: Request, source_id: uuid.UUID, request_id: str) -> Response:
    """Delete a customer's request, with the personal data in it, once it was answered."""
    place = {"shop_id": request.shop_id, "id": source_id, "request_id": request_id}
    if not is_storable(request_id) or not postgres.fetch_one(queries.DELETE_REQUEST, **place):
        raise NotFound("There is no such request.")
    return Response(204)


def _sealed(source_id: uuid.UUID, source: dict[str, Any]) -> dict[str, bytes | None]:
    return {
        "secrets": seal_secrets(source_id, source["secrets"]),
        "api": seal_api(source_id, source["api"]),
    }


def _opened(row: postgres.Row) -> dict[str, Any]:
    """Return the source as it was written."""
    return {
        "platform": row["platform"],
        "secrets": unseal_secrets(row["id"], row["secrets"]),
        "api": unseal_api(row["id"], row["api"]),
    }


def _shown(row: postgres.Row, written: dict[str, Any]) -> dict[str, Any]:
    """Return the source as the API shows it: without its secrets and the API's token."""
    path = f"/{row['platform']}/{row['id']}"
    return {
        "id": row["id"],
        "platform": row["platform"],
        "url": public_address("receive_orders", path, "/receive_orders"),
        "secrets_count": len(written["secrets"]),
        "api": written["api"] and {"url": written["api"]["url"]},
        "last_order_at": row["last_order_at"],
        "reconciled_at": row["reconciled_at"],
        "reconcile_error": row["reconcile_error"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }
