"""receive_orders: takes the webhooks by which Shopify and WooCommerce report a shop's orders and refunds."""

from __future__ import annotations

import uuid

from common.limits import ORDERS
from common.web import Audience, Function, RawBody, Request, Response, answers, json_response
from common.web.flask import flask_function
from functions.receive_orders import shopify, woocommerce
from functions.receive_orders.acting import act
from functions.receive_orders.deliveries import counted_as, payload_of, verified

function = Function("receive_orders", path="shop-mail", limit=ORDERS, audience=Audience.PLATFORM)
route = function.endpoint


@route("POST", "/shopify/{source_id}", body=RawBody(), client=counted_as)
@answers({200: "Received"}, problems=(401, 404))
def receive_from_shopify(request: Request, source_id: uuid.UUID) -> Response:
    """Take a webhook of Shopify: orders, refunds, and the compliance topics of apps.

    It is verified by its HMAC over the raw body with one of the source's secrets, and answered once it is committed.
    Repeated, late and stale webhooks change nothing; other topics are ignored.
    """
    source = verified(request, source_id, "shopify", request.headers.get("x-shopify-hmac-sha256"))
    news = shopify.read(request.headers.get("x-shopify-topic", ""), payload_of(request))
    return json_response({"received": act(source, news)})


@route("POST", "/woocommerce/{source_id}", body=RawBody(), client=counted_as)
@answers({200: "Received"}, problems=(401, 404))
def receive_from_woocommerce(request: Request, source_id: uuid.UUID) -> Response:
    """Take a webhook of WooCommerce: orders, with their refunds.

    Verified and answered as Shopify's. The unsigned ping that WooCommerce sends when a webhook is saved is ignored.
    """
    signature = request.headers.get("x-wc-webhook-signature")
    if signature is None and woocommerce.is_ping(request):
        return json_response({"received": 0})
    source = verified(request, source_id, "woocommerce", signature)
    news = woocommerce.read(request.headers.get("x-wc-webhook-topic", ""), payload_of(request))
    return json_response({"received": act(source, news)})


receive_orders = flask_function(function)
