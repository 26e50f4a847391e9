"""A function's own part of the OpenAPI document that `python -m openapi` has written."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path

from common.cache import GZIP_LEVEL
from common.json_text import dumps
from common.web._messages import Response

PATH = "/_openapi.json"


def describe(function_name: str) -> Response:
    body, gzipped = _part_of(function_name)
    return Response(200, body, {"Content-Type": "application/json"}, gzipped)


@cache
def _part_of(function_name: str) -> tuple[bytes, bytes]:
    """Return the function's part, with paths relative to its own URL; plain and gzipped."""
    document = json.loads(Path(__file__).with_name("openapi.json").read_text())
    prefix = f"/{function_name}"
    document["paths"] = {
        path.removeprefix(prefix) or "/": item
        for path, item in document["paths"].items()
        if f"{path}/".startswith(f"{prefix}/")
    }
    document["servers"] = [{"url": "."}]
    body = dumps(document)
    return body, gzip.compress(body, GZIP_LEVEL, mtime=0)
