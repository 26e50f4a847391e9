"""Parsers of settings: each returns the value, or raises Invalid with what is allowed instead."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

Parser = Callable[[str], Any]

SECRET_KEY_BYTES = 32
SSL_MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")
REDIS_SCHEMES = ("redis", "rediss", "unix", "redis+cluster", "rediss+cluster")
# The supported ones of redis-py's parameters: others would only fail at the first request.
REDIS_PARAMETERS = {
    "db": r"[0-9]{1,4}",
    "username": r".+",
    "password": r".+",
    "client_name": r"\S+",
    "socket_timeout": r"[0-9]{1,3}(\.[0-9]+)?",
    "socket_connect_timeout": r"[0-9]{1,3}(\.[0-9]+)?",
    "ssl_ca_certs": r".+",
    "ssl_ca_path": r".+",
    "ssl_certfile": r".+",
    "ssl_keyfile": r".+",
    "ssl_cert_reqs": r"none|optional|required",
    "ssl_check_hostname": r"true|false|True|False",
}


class Invalid(ValueError):
    """An invalid value; the message says what is allowed instead."""


def whole_number(low: int, high: int) -> Parser:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", text) or not low <= int(text) <= high:
            raise Invalid(f"a whole number from {low} to {high}")
        return int(text)

    return parse


def one_of(*allowed: str) -> Parser:
    def parse(text: str) -> str:
        for word in allowed:
            if text.lower() == word.lower():
                return word
        raise Invalid("one of " + ", ".join(allowed))

    return parse


def boolean(text: str) -> bool:
    return bool(one_of("true", "false")(text) == "true")


def database_url(text: str) -> str:
    allowed = "postgresql://user:password@host:port/name, or ?host=/folder, and sslmode " + ", ".join(SSL_MODES)
    parts = _split(text, allowed)
    query = dict(parse_qsl(parts.query))
    there = parts.hostname or query.get("host")
    if parts.scheme not in ("postgresql", "postgres") or not there or query.get("sslmode", "prefer") not in SSL_MODES:
        raise Invalid(allowed)
    return text


def redis_url(text: str) -> str:
    allowed = (
        "redis://, rediss:// or redis+cluster://host:port, or unix:///path; and a database's number behind a slash"
    )
    parts = _split(text, allowed)
    where = parts.path if parts.scheme == "unix" else parts.hostname
    database = "" if parts.scheme == "unix" else parts.path.removeprefix("/")
    if parts.scheme not in REDIS_SCHEMES or not where or not re.fullmatch(r"[0-9]{0,4}", database):
        raise Invalid(allowed)
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name not in REDIS_PARAMETERS or not re.fullmatch(REDIS_PARAMETERS[name], value):
            raise Invalid(f"of redis-py's parameters {', '.join(REDIS_PARAMETERS)}")
    return text


def _split(text: str, allowed: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises for a port that is not a number
    except ValueError:
        raise Invalid(allowed) from None
    return parts


def base_url(text: str) -> str:
    if not re.fullmatch(r"https?://[^/\s?#@]+(/[^\s?#]*)?", text):
        raise Invalid("an address such as https://popups.example.com")
    return text.rstrip("/")


def absolute_path(text: str) -> str:
    if not text.startswith("/"):
        raise Invalid("the path of a file, which begins with a slash")
    return text


def secret_keys(text: str) -> tuple[bytes, ...]:
    allowed = "32 bytes in base64 (openssl rand -base64 32); an older key may follow behind a comma"
    try:
        keys = tuple(base64.b64decode(key.strip(), validate=True) for key in text.split(","))
    except ValueError:
        raise Invalid(allowed) from None
    if any(len(key) != SECRET_KEY_BYTES for key in keys):
        raise Invalid(allowed)
    return keys


def project(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9.:-]{4,}[a-z0-9]", text):
        raise Invalid("the id of a Google Cloud project")
    return text


def instance(text: str) -> str:
    if not re.fullmatch(r"[^:\s]+(:[^:\s]+)?:[^:\s]+:[^:\s]+", text):
        raise Invalid("project:region:instance")
    return text


def origins(text: str) -> tuple[str, ...]:
    listed = tuple(origin.strip() for origin in text.split(",") if origin.strip())
    if not all(re.fullmatch(r"https?://[^/\s,*]+", origin) for origin in listed):
        raise Invalid("origins such as https://console.example.com, separated by commas")
    return listed
