"""HTTP: a function's endpoints and everything around a handler. `asgi` and `flask` serve it."""

from __future__ import annotations

from common.web._addresses import public_address
from common.web._answers import Answers, answers, answers_of
from common.web._body import AnyObject, Checker, RawBody, field_paths, load_fields
from common.web._conditional import answer_cached, for_cdn, is_stale
from common.web._csv import BYTE_ORDER_MARK, CSV, CSV_CONTENT_TYPE, JSON, csv_lines, defused, wants_csv
from common.web._cursors import decode_cursor, encode_cursor
from common.web._headers import Audience, page_origin
from common.web._messages import Request, Response, StreamedResponse, json_response
from common.web._pipeline import Function
from common.web._routing import Endpoint

__all__ = [
    "BYTE_ORDER_MARK",
    "CSV",
    "CSV_CONTENT_TYPE",
    "JSON",
    "Answers",
    "AnyObject",
    "Audience",
    "Checker",
    "Endpoint",
    "Function",
    "RawBody",
    "Request",
    "Response",
    "StreamedResponse",
    "answer_cached",
    "answers",
    "answers_of",
    "csv_lines",
    "decode_cursor",
    "defused",
    "encode_cursor",
    "field_paths",
    "for_cdn",
    "is_stale",
    "json_response",
    "load_fields",
    "page_origin",
    "public_address",
    "wants_csv",
]
