"""The Flask no-op: the cost of functions-framework alone. It answers 2 kB of constant JSON."""

from __future__ import annotations

import json

import flask
import functions_framework

BODY = json.dumps({"hello": "x" * 1980}).encode()


@functions_framework.http
def hello(_request: flask.Request) -> flask.Response:
    return flask.Response(BODY, content_type="application/json")
