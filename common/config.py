"""The environment: read here and nowhere else, checked whole before anything is started."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

SSL_MODES = ("disable", "prefer", "require", "verify-full")
REDIS_SCHEMES = ("redis", "rediss", "unix", "redis+cluster", "rediss+cluster")
# Of redis-py's parameters those that are of use here: others would only fail at the first request.
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


class ConfigError(ValueError):
    """One line that names the variable, its value and what is allowed."""


class _Invalid(ValueError):
    """What is allowed instead, in words."""


def _whole_number(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", text) or not low <= int(text) <= high:
            raise _Invalid(f"a whole number from {low} to {high}")
        return int(text)

    return parse


def _one_of(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        for word in allowed:
            if text.lower() == word.lower():
                return word
        raise _Invalid("one of " + ", ".join(allowed))

    return parse


def _boolean(text: str) -> bool:
    return _one_of("true", "false")(text) == "true"


def _database_url(text: str) -> str:
    allowed = "postgresql://user:password@host:port/name, or ?host=/folder, and sslmode " + ", ".join(SSL_MODES)
    parts = _split(text, allowed)
    query = dict(parse_qsl(parts.query))
    there = parts.hostname or query.get("host")
    if parts.scheme not in ("postgresql", "postgres") or not there or query.get("sslmode", "prefer") not in SSL_MODES:
        raise _Invalid(allowed)
    return text


def _redis_url(text: str) -> str:
    allowed = (
        "redis://, rediss:// or redis+cluster://host:port, or unix:///path; and a database's number behind a slash"
    )
    parts = _split(text, allowed)
    where = parts.path if parts.scheme == "unix" else parts.hostname
    database = "" if parts.scheme == "unix" else parts.path.removeprefix("/")
    if parts.scheme not in REDIS_SCHEMES or not where or not re.fullmatch(r"[0-9]{0,4}", database):
        raise _Invalid(allowed)
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name not in REDIS_PARAMETERS or not re.fullmatch(REDIS_PARAMETERS[name], value):
            raise _Invalid(f"of redis-py's parameters {', '.join(REDIS_PARAMETERS)}")
    return text


def _split(text: str, allowed: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises for a port that is no number
    except ValueError:
        raise _Invalid(allowed) from None
    return parts


def _instance(text: str) -> str:
    if not re.fullmatch(r"[^:\s]+(:[^:\s]+)?:[^:\s]+:[^:\s]+", text):
        raise _Invalid("project:region:instance")
    return text


def _origins(text: str) -> tuple[str, ...]:
    origins = tuple(origin.strip() for origin in text.split(",") if origin.strip())
    if not all(re.fullmatch(r"https?://[^/\s,*]+", origin) for origin in origins):
        raise _Invalid("origins such as https://console.example.com, separated by commas")
    return origins


def _setting(default: Any, parse: Callable[[str], Any] = str) -> Any:
    return field(default=default, metadata={"parse": parse})


@dataclass(frozen=True)
class Config:
    """Every setting under its variable's name in lower case. CONTRACT and README say what each means."""

    database_url: str | None = _setting(None, _database_url)
    instance_connection_name: str | None = _setting(None, _instance)
    db_name: str | None = _setting(None)
    db_user: str | None = _setting(None)
    db_password: str | None = _setting(None)
    db_iam_auth: bool = _setting(False, _boolean)
    db_ip_type: str = _setting("public", _one_of("public", "private", "psc"))
    database_replica_url: str | None = _setting(None, _database_url)
    replica_instance_connection_name: str | None = _setting(None, _instance)
    db_pool_max: int = _setting(20, _whole_number(1, 1000))
    db_pool_min: int = _setting(5, _whole_number(0, 1000))
    db_idle_timeout: int = _setting(30_000, _whole_number(1, 86_400_000))
    db_connection_timeout: int = _setting(10_000, _whole_number(1, 300_000))
    db_statement_timeout: int = _setting(5_000, _whole_number(1, 300_000))
    redis_url: str | None = _setting(None, _redis_url)
    cache_ttl_popups: int = _setting(300, _whole_number(1, 86_400))
    cache_ttl_stats: int = _setting(60, _whole_number(1, 86_400))
    rate_limit_views: int = _setting(1000, _whole_number(0, 1_000_000))
    rate_limit_conversions: int = _setting(500, _whole_number(0, 1_000_000))
    rate_limit_stats: int = _setting(100, _whole_number(0, 1_000_000))
    rate_limit_default: int = _setting(100, _whole_number(0, 1_000_000))
    trusted_proxies: int = _setting(0, _whole_number(0, 10))
    console_origins: tuple[str, ...] = _setting((), _origins)
    log_level: str = _setting("INFO", _one_of("DEBUG", "INFO", "WARNING", "ERROR"))


def load(environ: Mapping[str, str]) -> Config:
    """Reads and checks every variable; one that is empty counts as unset. Raises ConfigError."""
    values = {}
    for setting in fields(Config):
        variable = setting.name.upper()
        text = environ.get(variable, "").strip()
        if text:
            values[setting.name] = _parse(variable, text, **setting.metadata)
    # Whoever lowers the maximum alone means fewer connections, not a contradiction.
    values.setdefault("db_pool_min", min(Config.db_pool_min, values.get("db_pool_max", Config.db_pool_max)))
    config = Config(**values)
    _check_together(config)
    return config


def _parse(variable: str, text: str, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(text)
    except _Invalid as allowed:
        raise ConfigError(f"{variable} is {_without_secrets(text)[:200]!r}; allowed: {allowed}") from None


def _without_secrets(text: str) -> str:
    """The text without a URL's user and password, and without a parameter that is a password."""
    return re.sub(r"password=[^&]*", "password=***", re.sub(r"^([a-z+]+://)?.*@", r"\1***@", text))


def _check_together(config: Config) -> None:
    if config.db_pool_min > config.db_pool_max:
        raise ConfigError(
            f"DB_POOL_MIN is {config.db_pool_min}; allowed: at most DB_POOL_MAX, which is {config.db_pool_max}"
        )
    if config.database_url or not config.instance_connection_name:
        return
    for variable in ("db_name", "db_user"):
        if not getattr(config, variable):
            raise ConfigError(f"{variable.upper()} is unset; allowed: a name, with INSTANCE_CONNECTION_NAME")
    if not (config.db_password or config.db_iam_auth):
        raise ConfigError("DB_PASSWORD is unset; allowed: a password, or DB_IAM_AUTH=true")


@cache
def settings() -> Config:
    """The process's own configuration. Ends the process with one line when a value is bad."""
    try:
        return load(os.environ)
    except ConfigError as error:
        raise SystemExit(str(error)) from None


def keep_peer_address() -> None:
    """Stops uvicorn from taking the peer's address out of X-Forwarded-For: TRUSTED_PROXIES alone decides about that."""
    os.environ["FORWARDED_ALLOW_IPS"] = ""
