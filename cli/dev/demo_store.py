"""The demo store of `popups dev`: static files, and pages that share a frame."""

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
    """Put a page into the frame. Its file has its title in the first line, then its content."""
    file = folder / f"{name}.html"
    if not file.is_file():
        raise HTTPException(404)
    title, _, main = file.read_text().partition("\n")
    return (folder / "frame.html").read_text().replace("<title></title>", title).replace("<main></main>", main)
