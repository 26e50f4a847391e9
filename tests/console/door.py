"""A front door for tests: the built console and the functions under one address, as in production."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

from cli.function_table import FUNCTIONS
from tests.support.stack import ROOT

BUILT = ROOT / "console" / "dist"

KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
NAMES = {function.service: function.name for function in FUNCTIONS.values()}
HOP_BY_HOP = {"connection", "content-encoding", "content-length", "host", "transfer-encoding"}


class _Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    functions: Mapping[str, str]
    cut_short: str

    def _serve(self) -> None:
        name, _, rest = self.path.lstrip("/").partition("/")
        if name in NAMES:
            self._forward(f"{self.functions[NAMES[name]]}/{rest}")
        elif name != "console":
            # Of the console's group of pages: on the way to another the browser would start a process.
            self._answer(404, {"Cross-Origin-Opener-Policy": "same-origin"}, b"Nothing is here.")
        else:
            self._file(rest.partition("?")[0] or "index.html")

    do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815, the names that http.server looks for

    def _forward(self, address: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        answer = requests.request(self.command, address, data=body, headers=headers, timeout=30)
        missing = 1 if self.cut_short and self.cut_short in address else 0
        self._answer(answer.status_code, dict(answer.headers), answer.content, missing)

    def _file(self, name: str) -> None:
        path = BUILT / name
        if not path.is_file():
            self._answer(404, {}, b"")
            return
        told = json.loads((BUILT / "headers.json").read_text())
        headers = told.get(name, {"Access-Control-Allow-Origin": "*", "Cache-Control": "max-age=3600"})
        self._answer(200, {**headers, "Content-Type": KINDS[path.suffix]}, path.read_bytes())

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes, missing: int = 0) -> None:
        with contextlib.suppress(ConnectionError):  # The page was left meanwhile.
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(body) + missing))
            self.end_headers()
            self.wfile.write(body)
        self.close_connection = self.close_connection or missing > 0

    def log_message(self, *_: object) -> None:
        """Nothing: the functions have logs of their own."""


@contextlib.contextmanager
def open_door(functions: Mapping[str, str], cut_short: str = "") -> Iterator[str]:
    """Answer the address of the door while it is open. Of an address with `cut_short` in it, answers end too early."""
    handler = type("Door", (_Door,), {"functions": functions, "cut_short": cut_short})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
