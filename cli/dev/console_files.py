"""Serve the built console (console/dist) in `popups dev`, with the headers that its build asks for."""

import json
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route

PATH = "/console"
NOT_BUILT = "not built: `make console` builds it, which needs npm's registry once"

# Files are named by their content. The preview's frame, which is an origin of its own, fetches a module with CORS.
FILE_HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
    "Access-Control-Allow-Origin": "*",
}


def is_built(built: Path) -> bool:
    """Return whether there is a console to serve."""
    return (built / "headers.json").is_file()


def console_files(built: Path) -> Starlette:
    """Return an application with the console, below PATH; 404 where it is not built."""

    def to_page(_: Request) -> Response:
        return RedirectResponse(f"{PATH}/")

    def page(request: Request) -> Response:
        name = request.path_params.get("name", "index")
        headers = _headers(built).get(f"{name}.html")
        if headers is None:
            raise HTTPException(404)
        return FileResponse(built / f"{name}.html", headers=headers)

    def file(request: Request) -> Response:
        path = built / "files" / request.path_params["name"]
        if path.parent != built / "files" or not path.is_file():
            raise HTTPException(404)
        kind = "text/css" if path.suffix == ".css" else "text/javascript"
        return FileResponse(path, media_type=kind, headers=FILE_HEADERS)

    return Starlette(
        routes=[
            Route(PATH, to_page),
            Route(f"{PATH}/", page),
            Route(f"{PATH}/{{name}}.html", page),
            Route(f"{PATH}/files/{{name}}", file),
        ]
    )


def _headers(built: Path) -> dict[str, dict[str, str]]:
    """Return the headers of each page. Read each time, since it may have been built anew."""
    if not is_built(built):
        return {}
    headers: dict[str, dict[str, str]] = json.loads((built / "headers.json").read_text())
    return headers
