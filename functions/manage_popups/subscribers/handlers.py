"""Lists, searches, unsubscribes and erases subscribers."""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import Any

from common import postgres
from common.errors import DatabaseUnavailable, SubscriberNotFound
from common.ids import new_id
from common.shop.emails import beginning
from common.shop.erasures import erase_person, rename_for_a_while
from common.web import Request, Response, answers, decode_cursor, json_response
from functions.manage_popups.rest.idempotency import once
from functions.manage_popups.rest.paging import cut_page, more_than_a_page, newest_first, oldest_first
from functions.manage_popups.subscribers import queries

# The upper bound of a prefix search: prefix + this character.
LAST_CHARACTER = "\U0010ffff"


@answers({200: "Subscribers"})
def list_subscribers(request: Request) -> Response:
    """List subscribers, newest first.

    With `email` they are ordered by address.
    """
    if request.query["email"] is not None:
        return _list_by_email(request)
    popup_id, active = request.query["popup_id"], request.query["active"]
    place: dict[str, Any] = {"shop_id": request.shop_id, **newest_first(request)}
    if popup_id is not None:
        rows = postgres.fetch_all(queries.SELECT_SUBSCRIBERS_OF_POPUP, popup_id=popup_id, active=active, **place)
    elif active is not None:
        rows = postgres.fetch_all(queries.SELECT_SUBSCRIBERS_BY_ACTIVITY, active=active, **place)
    else:
        rows = postgres.fetch_all(queries.SELECT_SUBSCRIBERS, **place)
    page, next_cursor = cut_page(request, rows)
    return json_response({"subscribers": page, "next_cursor": next_cursor})


@answers({200: "SubscriberWithConsents"})
def get_subscriber(request: Request, subscriber_id: uuid.UUID) -> Response:
    """Get a subscriber, with the consents given and withdrawn, oldest first, page by page."""
    person, place = {"shop_id": request.shop_id, "id": subscriber_id}, oldest_first(request)
    with postgres.connection() as connection:
        row = connection.fetch_one(queries.SELECT_SUBSCRIBER, **person)
        if row is None:
            raise SubscriberNotFound()
        rows = connection.fetch_all(queries.SELECT_CONSENTS, **person, **place)
    page, next_cursor = cut_page(request, rows, position=lambda row: [row["recorded_at"].isoformat(), str(row["id"])])
    consents = [{name: value for name, value in each.items() if name != "id"} for each in page]
    return json_response({**row, "consents": consents, "next_cursor": next_cursor})


@answers({200: "Unsubscribed"})
def unsubscribe(request: Request, subscriber_id: uuid.UUID) -> Response:
    """Unsubscribe a subscriber.

    The answer has no personal data, because an Idempotency-Key keeps it for a day.
    """

    def withdraw(connection: postgres.Connection) -> Response:
        row = connection.fetch_one(
            queries.UNSUBSCRIBE, shop_id=request.shop_id, id=subscriber_id, withdrawal_id=new_id()
        )
        if row is None:
            raise SubscriberNotFound()
        return json_response(row)

    return once(request, withdraw)


@answers({204: None})
def erase_subscriber(request: Request, subscriber_id: uuid.UUID) -> Response:
    """Erase a person from every table; the counts stay.

    The person is deleted when the answer comes. The person's events are pseudonymized within a second; if there are too
    many, the next `popups retain` does the rest.
    """
    with postgres.connection() as connection:
        if not erase_person(connection, request.shop_id, subscriber_id):
            raise SubscriberNotFound()
        with suppress(DatabaseUnavailable):  # the rest is queued
            rename_for_a_while(connection, request.shop_id, subscriber_id)
    return Response(204)


def email_bounds(prefix: str | None) -> dict[str, Any]:
    """Return the bounds of the e-mail addresses with this prefix, in any spelling."""
    start = beginning(prefix or "")
    return {"email_from": start, "email_below": start + LAST_CHARACTER}


def _list_by_email(request: Request) -> Response:
    (after,) = decode_cursor(request, str) or [""]
    rows = postgres.fetch_all(
        queries.SELECT_SUBSCRIBERS_BY_EMAIL,
        shop_id=request.shop_id,
        popup_id=request.query["popup_id"],
        active=request.query["active"],
        email_after=after,
        limit=more_than_a_page(request),
        **email_bounds(request.query["email"]),
    )
    page, next_cursor = cut_page(request, rows, position=lambda row: [row["email_normalized"]])
    shown = [{name: value for name, value in row.items() if name != "email_normalized"} for row in page]
    return json_response({"subscribers": shown, "next_cursor": next_cursor})
