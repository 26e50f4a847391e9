"""Serve the built storefront script (storefront/dist) in `popups dev`."""

from pathlib import Path

from starlette.responses import FileResponse

# The name of the script in release 1.0.0, which pages under development may still embed.
FORMER_NAME = "exit_intent.js"

# Revalidated each time, since it may have been rebuilt. Pages of other origins fetch the second file with CORS.
HEADERS = {"Cache-Control": "no-cache", "Access-Control-Allow-Origin": "*"}


def script_file(built: Path, name: str) -> FileResponse | None:
    """Return the response with the file of that name; None if there is none."""
    path = built / ("storefront.js" if name == FORMER_NAME else name)
    kind = "application/json" if path.suffix == ".map" else "text/javascript"
    if path.suffix not in (".js", ".map") or path.parent != built or not path.is_file():
        return None
    return FileResponse(path, media_type=kind, headers=HEADERS)
