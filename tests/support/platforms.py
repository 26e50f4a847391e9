"""Stand-ins for the APIs of Shopify and WooCommerce, over TLS, as their documentation describes them."""

from __future__ import annotations

import base64
import datetime
import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "shop.example"


@dataclass
class Platform:
    """What the stand-in has and what it was asked; `refusals` are answered before anything else."""

    port: int = 0
    orders: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[tuple[int, dict[str, str], Any]] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)


@contextmanager
def running_platform(folder: Path) -> Iterator[tuple[Platform, ssl.SSLContext]]:
    """Yield a stand-in that answers at HOST, and a context that trusts it."""
    certificate, platform = _certificate(folder), Platform()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(platform))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    platform.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield platform, ssl.create_default_context(cafile=str(certificate))
    finally:
        server.shutdown()
        server.server_close()


def _handler(platform: Platform) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(None)

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, body: Any) -> None:
            platform.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            if platform.refusals:
                status, headers, content = platform.refusals.pop(0)
            else:
                status, headers = 200, {}
                content = _shopify(platform, body) if body else _woocommerce(platform, self.path)
            text = json.dumps(content).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(text))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


def _shopify(platform: Platform, body: dict[str, Any]) -> dict[str, Any]:
    """Return a page of a GraphQL connection; the cursor is the place in the list."""
    first, after = body["variables"]["first"], int(body["variables"]["after"] or 0)
    nodes = platform.orders[after : after + first]
    info = {"hasNextPage": after + first < len(platform.orders), "endCursor": str(after + first)}
    return {"data": {"orders": {"pageInfo": info, "nodes": nodes}}}


def _woocommerce(platform: Platform, path: str) -> list[dict[str, Any]]:
    query = parse_qs(urlsplit(path).query)
    size, page = int(query["per_page"][0]), int(query["page"][0])
    return platform.orders[size * (page - 1) : size * page]


def basic(token: str) -> str:
    return f"Basic {base64.b64encode(token.encode()).decode()}"


def _certificate(folder: Path) -> Path:
    """Write a self-signed certificate of HOST with its key into one file and return its path."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "platform.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + certificate.public_bytes(pem))
    return path
