"""manage_popups: the merchant's API. Every route, who may call it and what it accepts, at one glance."""

from __future__ import annotations

from common.flask_adapter import flask_function
from common.headers import Audience
from common.http import Function
from common.rate_limit import DEFAULT
from functions.manage_popups import api_keys, popups, shop
from functions.manage_popups.listing import ListQuery
from functions.manage_popups.schemas import ApiKeySchema, FieldsQuery, MergePatch, PopupSchema

function = Function("manage_popups", limit=DEFAULT, audience=Audience.MERCHANT)
route = function.endpoint

route("POST", "/popups", rights="write", body=PopupSchema())(popups.create_popup)
route("GET", "/popups", rights="read", query=ListQuery())(popups.list_popups)
route("GET", "/popups/{popup_id}", rights="read", query=FieldsQuery())(popups.read_popup)
route("PATCH", "/popups/{popup_id}", rights="write", body=MergePatch())(popups.patch_popup)
route("DELETE", "/popups/{popup_id}", rights="write")(popups.delete_popup)
route("POST", "/popups/{popup_id}/duplicate", rights="write")(popups.duplicate_popup)

route("GET", "/shop", rights="read")(shop.read_shop)
route("PATCH", "/shop", rights="write", body=MergePatch())(shop.patch_shop)

route("POST", "/api-keys", rights="write", body=ApiKeySchema())(api_keys.create_api_key)
route("GET", "/api-keys", rights="read")(api_keys.list_api_keys)
route("DELETE", "/api-keys/{key_id}", rights="write")(api_keys.revoke_api_key)

manage_popups = flask_function(function)
