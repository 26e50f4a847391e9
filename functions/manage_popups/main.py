"""manage_popups: the merchant API. All routes, with their rights and schemas."""

from __future__ import annotations

from common.limits import DEFAULT, ORDERS
from common.web import Audience, Function
from common.web.flask import flask_function
from functions.manage_popups import api_keys, shop
from functions.manage_popups.api_keys import ApiKeySchema
from functions.manage_popups.discount_codes import handlers as discount_codes
from functions.manage_popups.discount_codes import pools
from functions.manage_popups.discount_codes.schemas import DiscountCodeSchema, DiscountCodesQuery, PoolCodesSchema
from functions.manage_popups.order_sources import handlers as order_sources
from functions.manage_popups.order_sources.schemas import OrderSourceSchema
from functions.manage_popups.orders import handlers as orders
from functions.manage_popups.orders.schemas import OrderSchema, OrdersQuery, RefundSchema
from functions.manage_popups.popups import handlers as popups
from functions.manage_popups.popups import history
from functions.manage_popups.popups.explain import explain_popup
from functions.manage_popups.popups.explain_all import explain_popups
from functions.manage_popups.popups.history import RollbackSchema
from functions.manage_popups.popups.restore import restore_popup
from functions.manage_popups.popups.schemas import FieldsQuery, PopupSchema, PopupsQuery
from functions.manage_popups.popups.shoppers import ExplainQuery, ExplainSchema
from functions.manage_popups.rest.paging import PageQuery
from functions.manage_popups.rest.patching import MergePatch
from functions.manage_popups.subscribers import handlers as subscribers
from functions.manage_popups.subscribers.csv import export_subscribers
from functions.manage_popups.subscribers.schemas import SubscribersFilter, SubscribersQuery

function = Function("manage_popups", path="shop-desk", limit=DEFAULT, audience=Audience.MERCHANT)
route = function.endpoint

route("POST", "/popups", rights="write", body=PopupSchema())(popups.create_popup)
route("GET", "/popups", rights="read", query=PopupsQuery())(popups.list_popups)
route("GET", "/popups/{popup_id}", rights="read", query=FieldsQuery())(popups.get_popup)
route("PATCH", "/popups/{popup_id}", rights="write", body=MergePatch())(popups.update_popup)
route("DELETE", "/popups/{popup_id}", rights="write")(popups.delete_popup)
route("POST", "/popups/{popup_id}/duplicate", rights="write")(popups.duplicate_popup)
route("GET", "/popups/{popup_id}/history", rights="read", query=PageQuery())(history.list_popup_versions)
route("POST", "/popups/{popup_id}/rollback", rights="write", body=RollbackSchema())(history.rollback_popup)
route("POST", "/popups/{popup_id}/restore", rights="write")(restore_popup)
route("GET", "/popups/{popup_id}/explain", rights="read", query=ExplainQuery())(explain_popup)
route("POST", "/explain", rights="read", body=ExplainSchema())(explain_popups)

route("POST", "/discount-codes", rights="write", body=DiscountCodeSchema())(discount_codes.create_discount_code)
route("GET", "/discount-codes", rights="read", query=DiscountCodesQuery())(discount_codes.list_discount_codes)
route("GET", "/discount-codes/{code_id}", rights="read")(discount_codes.get_discount_code)
route("PATCH", "/discount-codes/{code_id}", rights="write", body=MergePatch())(discount_codes.update_discount_code)
route("DELETE", "/discount-codes/{code_id}", rights="write")(discount_codes.delete_discount_code)
route("POST", "/discount-codes/{code_id}/codes", rights="write", body=PoolCodesSchema())(pools.add_pool_codes)
route("POST", "/discount-codes/{code_id}/release", rights="write")(pools.release_codes)

route("GET", "/subscribers", rights="read", query=SubscribersQuery())(subscribers.list_subscribers)
route("GET", "/subscribers.csv", rights="read", query=SubscribersFilter())(export_subscribers)
route("GET", "/subscribers/{subscriber_id}", rights="read", query=PageQuery())(subscribers.get_subscriber)
route("DELETE", "/subscribers/{subscriber_id}", rights="write")(subscribers.erase_subscriber)
route("POST", "/subscribers/{subscriber_id}/unsubscribe", rights="write")(subscribers.unsubscribe)

route("POST", "/orders", rights="write", body=OrderSchema(), limit=ORDERS)(orders.report_order)
route("GET", "/orders", rights="read", query=OrdersQuery(), limit=ORDERS)(orders.list_orders)
route("DELETE", "/orders/{order_id}", rights="write", limit=ORDERS)(orders.delete_order)
route("POST", "/orders/{order_id}/refunds", rights="write", body=RefundSchema(), limit=ORDERS)(orders.report_refund)

route("POST", "/order-sources", rights="write", body=OrderSourceSchema())(order_sources.create_order_source)
route("GET", "/order-sources", rights="read")(order_sources.list_order_sources)
route("PATCH", "/order-sources/{source_id}", rights="write", body=MergePatch())(order_sources.update_order_source)
route("DELETE", "/order-sources/{source_id}", rights="write")(order_sources.delete_order_source)
route("GET", "/order-sources/{source_id}/requests", rights="read")(order_sources.list_customer_requests)
route("DELETE", "/order-sources/{source_id}/requests/{request_id}", rights="write")(order_sources.drop_customer_request)

route("GET", "/shop", rights="read")(shop.get_shop)
route("PATCH", "/shop", rights="write", body=MergePatch())(shop.update_shop)

route("GET", "/key", rights="read")(api_keys.get_key)
route("POST", "/api-keys", rights="write", body=ApiKeySchema())(api_keys.create_api_key)
route("GET", "/api-keys", rights="read")(api_keys.list_api_keys)
route("DELETE", "/api-keys/{key_id}", rights="write")(api_keys.revoke_api_key)

manage_popups = flask_function(function)
