"""The demo store of `popups dev`: plain files, and pages in the frame that they share."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles


def demo_store(folder: Path) -> Starlette:
    def page(request: Request) -> HTMLResponse:
        return HTMLResponse(_framed(folder, request.path_params.get("name", "index")))

    return Starlette(routes=[Route("/", page), Route("/{name}.html", page), Mount("/", StaticFiles(directory=folder))])


def _framed(folder: Path, name: str) -> str:
    """A page's file is its title, in the first line, and what makes it different from the others."""
    file = folder / f"{name}.html"
    if not file.is_file():
        raise HTTPException(404)
    title, _, main = file.read_text().partition("\n")
    return (folder / "frame.html").read_text().replace("<title></title>", title).replace("<main></main>", main)
