"""The API reference for `popups dev`: Swagger UI with docs/openapi.json, served entirely from this machine."""

import json
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

PATH = "/reference"
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Exit-intent popups: the API</title>
<link rel="stylesheet" href="swagger-ui.css">
<link rel="icon" href="favicon-32x32.png">
<div id="reference"></div>
<script src="swagger-ui-bundle.js"></script>
<script src="start.js"></script>
</html>
"""
# No validator: it would send the document to a third party.
START = """SwaggerUIBundle({url: "openapi.json", dom_id: "#reference", validatorUrl: null, deepLinking: true,
  persistAuthorization: true, docExpansion: "none", defaultModelsExpandDepth: 0});
"""
# The page's libraries may send requests to this server only.
POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"


def reference() -> Starlette:
    """Return an application with the page and its files, below PATH."""
    routes = [
        Route("/", _page),
        Route("/start.js", _start),
        Route("/openapi.json", _document),
        Mount("/", StaticFiles(packages=[("flask_swagger_ui", "dist")])),
    ]
    return Starlette(routes=[Mount(PATH, routes=routes)])


def _page(_: Request) -> Response:
    return HTMLResponse(PAGE, headers={"Content-Security-Policy": POLICY})


def _start(_: Request) -> Response:
    return Response(START, media_type="text/javascript")


def _document(_: Request) -> Response:
    """Answer the document, with this address as its server."""
    document = json.loads(DOCUMENT.read_text())
    return JSONResponse({**document, "servers": [{"url": "/"}]})
