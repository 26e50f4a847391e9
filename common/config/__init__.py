"""The environment: read here and nowhere else, checked whole before anything is started."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from typing import Any

from common.config._fields import About, Config
from common.config._values import Invalid, Parser

__all__ = ["About", "Config", "ConfigError", "Invalid", "Parser", "about", "keep_peer_address", "load", "settings"]


class ConfigError(ValueError):
    """One line that names the variable, its value and what is allowed."""


def about() -> dict[str, About]:
    """What is known of each setting, by its variable's name."""
    return {setting.name.upper(): setting.metadata["about"] for setting in fields(Config)}


def load(environ: Mapping[str, str]) -> Config:
    """Reads and checks every variable; one that is empty counts as unset. Raises ConfigError."""
    values = {}
    for variable, known in about().items():
        text = environ.get(variable, "").strip()
        if text:
            values[variable.lower()] = _parse(variable, text, known.parse)
    # Whoever lowers the maximum alone means fewer connections, not a contradiction.
    values.setdefault("db_pool_min", min(Config.db_pool_min, values.get("db_pool_max", Config.db_pool_max)))
    config = Config(**values)
    _check_together(config)
    return config


def _parse(variable: str, text: str, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(text)
    except Invalid as allowed:
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
