"""The aio no-op: the cost of functions-framework's ASGI server alone. It answers the same 2 kB as hello_flask."""

from __future__ import annotations

import json

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

BODY = json.dumps({"hello": "x" * 1980}).encode()


@functions_framework.aio.http
async def hello(_request: Request) -> Response:
    return Response(BODY, media_type="application/json")
