"""Calls to addresses that merchants gave us: https to public addresses only, and nothing is followed.

A name is resolved once and its address is checked before the connection is made to just that address: a name that
resolves to a public address now and to a private one a moment later leads nowhere.
"""

from __future__ import annotations

import ipaddress
import json
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import urllib3

MAX_ANSWER_BYTES = 16 * 1024 * 1024
MAX_TRIES = 6
MAX_WAIT_SECONDS = 60
TIMEOUT = urllib3.Timeout(connect=10, read=60)
TRY_AGAIN = (429, 500, 502, 503, 504)

Resolver = Callable[[str], list[str]]


class OutsideError(Exception):
    """The address cannot be called, or does not answer as documented; the message is one line for the operator."""


@dataclass(frozen=True)
class Answer:
    """An answer's JSON and headers."""

    content: Any
    headers: Mapping[str, str]


def resolve(host: str) -> list[str]:
    """Return the addresses of a name. Raises OutsideError."""
    try:
        found = socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    except OSError as error:
        raise OutsideError(f"{host} cannot be resolved: {error.strerror}") from None
    return [str(address[4][0]) for address in found]


@dataclass
class Outside:
    """Calls one merchant's API. The resolver and the TLS context are arguments for tests."""

    resolver: Resolver = resolve
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    may_call: Callable[[str], bool] = lambda address: ipaddress.ip_address(address).is_global
    port: int = 443
    sleep: Callable[[float], None] = time.sleep

    def call(self, method: str, url: str, headers: Mapping[str, str], body: Any = None) -> Answer:
        """Return the JSON of a 200, trying again after a 429 or 5xx. Raises OutsideError."""
        for tried in range(1, MAX_TRIES + 1):
            status, answered, content = self._call_once(method, url, headers, body)
            if status == 200:
                return Answer(_json(content, url), answered)
            if status not in TRY_AGAIN or tried == MAX_TRIES:
                break
            self.sleep(_seconds_to_wait(answered.get("Retry-After"), tried))
        raise OutsideError(f"{urlsplit(url).hostname} answered {status}")

    def _call_once(
        self, method: str, url: str, headers: Mapping[str, str], body: Any
    ) -> tuple[int, Mapping[str, str], bytes]:
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            raise OutsideError(f"{url} is no https address")
        path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        own = {"Host": parts.hostname, "Accept": "application/json", **headers}
        if body is not None:
            own["Content-Type"] = "application/json"
        try:
            with self._connections_to(parts.hostname) as pool:
                answer = pool.urlopen(
                    method,
                    path,
                    body=None if body is None else json.dumps(body).encode(),
                    headers=own,
                    redirect=False,
                    preload_content=False,
                )
                content = answer.read(MAX_ANSWER_BYTES + 1, decode_content=True)
        except urllib3.exceptions.HTTPError as error:
            raise OutsideError(f"{parts.hostname} cannot be called: {type(error).__name__}") from None
        if len(content) > MAX_ANSWER_BYTES:
            raise OutsideError(f"{parts.hostname} answered more than {MAX_ANSWER_BYTES} bytes")
        return answer.status, answer.headers, content

    def _connections_to(self, host: str) -> urllib3.HTTPSConnectionPool:
        return urllib3.HTTPSConnectionPool(
            self._public_address(host),
            self.port,
            ssl_context=self.tls,
            server_hostname=host,
            assert_hostname=host,
            timeout=TIMEOUT,
            retries=False,
        )

    def _public_address(self, host: str) -> str:
        for address in self.resolver(host):
            if self.may_call(address):
                return address
        raise OutsideError(f"{host} has no public address")


def _json(content: bytes, url: str) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        raise OutsideError(f"{urlsplit(url).hostname} answered no JSON") from None


def _seconds_to_wait(retry_after: str | None, tried: int) -> float:
    """Return what the answer asks for, or twice as long each time; a minute at most."""
    try:
        return min(MAX_WAIT_SECONDS, max(0.0, float(retry_after or 2**tried)))
    except ValueError:
        return float(2**tried)
