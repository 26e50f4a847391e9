"""The storefront script as it was built (storefront/dist), for `popups dev`."""

from pathlib import Path

from starlette.responses import FileResponse

SCRIPT = "exit_intent.js"

# Asked anew each time: it may have been built anew. A page of another origin fetches the second file by CORS.
HEADERS = {"Cache-Control": "no-cache", "Access-Control-Allow-Origin": "*"}


def script_file(built: Path, name: str) -> FileResponse | None:
    """The answer to a request for one of its files; None where it has no such file."""
    path = built / ("storefront.js" if name == SCRIPT else name)
    kind = "application/json" if path.suffix == ".map" else "text/javascript"
    if path.suffix not in (".js", ".map") or path.parent != built or not path.is_file():
        return None
    return FileResponse(path, media_type=kind, headers=HEADERS)
