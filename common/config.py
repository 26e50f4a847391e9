"""The environment: read here and nowhere else, checked whole before anything is started."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any
from urllib.parse import urlsplit


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


def _url(*schemes: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        try:
            parts = urlsplit(text)
            _ = parts.port  # raises for a port that is no number
        except ValueError:
            raise _Invalid(f"a URL that starts with {' or '.join(f'{s}://' for s in schemes)}") from None
        if parts.scheme not in schemes:
            raise _Invalid(f"a URL that starts with {' or '.join(f'{s}://' for s in schemes)}")
        return text

    return parse


def _instance(text: str) -> str:
    if not re.fullmatch(r"[^:\s]+(:[^:\s]+)?:[^:\s]+:[^:\s]+", text):
        raise _Invalid("project:region:instance")
    return text


def _origins(text: str) -> tuple[str, ...]:
    origins = tuple(origin.strip() for origin in text.split(",") if origin.strip())
    if not all(re.fullmatch(r"https?://[^/\s,*]+", origin) for origin in origins):
        raise _Invalid("origins such as https://console.example.com, separated by commas")
    return origins


def _setting(default: Any, parse: Callable[[str], Any] = str, *, secret: bool = False) -> Any:
    return field(default=default, metadata={"parse": parse, "secret": secret})


@dataclass(frozen=True)
class Config:
    """Every setting under its variable's name in lower case. CONTRACT and README say what each means."""

    database_url: str | None = _setting(None, _url("postgresql", "postgres"), secret=True)
    instance_connection_name: str | None = _setting(None, _instance)
    db_name: str | None = _setting(None)
    db_user: str | None = _setting(None)
    db_password: str | None = _setting(None, secret=True)
    db_iam_auth: bool = _setting(False, _boolean)
    db_ip_type: str = _setting("public", _one_of("public", "private", "psc"))
    database_replica_url: str | None = _setting(None, _url("postgresql", "postgres"), secret=True)
    replica_instance_connection_name: str | None = _setting(None, _instance)
    db_pool_max: int = _setting(20, _whole_number(1, 1000))
    db_pool_min: int = _setting(5, _whole_number(0, 1000))
    db_idle_timeout: int = _setting(30_000, _whole_number(1, 86_400_000))
    db_connection_timeout: int = _setting(10_000, _whole_number(1, 300_000))
    db_statement_timeout: int = _setting(5_000, _whole_number(1, 300_000))
    redis_url: str | None = _setting(
        None, _url("redis", "rediss", "unix", "redis+cluster", "rediss+cluster"), secret=True
    )
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
    config = Config(**values)
    _check_together(config)
    return config


def _parse(variable: str, text: str, parse: Callable[[str], Any], secret: bool) -> Any:
    try:
        return parse(text)
    except _Invalid as allowed:
        shown = "(a secret, not shown)" if secret else repr(text[:200])
        raise ConfigError(f"{variable} is {shown}; allowed: {allowed}") from None


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
