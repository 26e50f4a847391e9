"""The settings, read from the environment here and nowhere else, and validated before anything starts."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any

from common.config._fields import About, Config
from common.config._values import SECRET_KEY_BYTES, Invalid, Parser, database_url, redis_url

__all__ = [
    "SECRET_KEY_BYTES",
    "About",
    "Config",
    "ConfigError",
    "Invalid",
    "Parser",
    "about",
    "keep_peer_address",
    "load",
    "settings",
]


# Parsers of secrets of which all but the user and the password may be shown.
_URLS = (database_url, redis_url)


class ConfigError(ValueError):
    """An invalid setting: one line that names the variable, its value and what is allowed."""


def about() -> dict[str, About]:
    """Return each setting's About by the name of its variable."""
    return {setting.name.upper(): setting.metadata["about"] for setting in fields(Config)}


def load(environ: Mapping[str, str]) -> Config:
    """Read and validate every variable; an empty one counts as unset. Raises ConfigError."""
    values = {}
    for variable, known in about().items():
        text = environ.get(variable, "").strip()
        if text:
            values[variable.lower()] = _parse(variable, text, known)
    # A maximum lowered alone lowers the minimum too: it asks for fewer connections.
    values.setdefault("db_pool_min", min(Config.db_pool_min, values.get("db_pool_max", Config.db_pool_max)))
    config = Config(**values)
    _check_together(config)
    return config


def _parse(variable: str, text: str, known: About) -> Any:
    try:
        return known.parse(text)
    except Invalid as allowed:
        shown = _without_secrets(text)[:200] if known.parse in _URLS or not known.secret else "***"
        raise ConfigError(f"{variable} is {shown!r}; allowed: {allowed}") from None


def _without_secrets(text: str) -> str:
    """Return the text without a URL's user and password, and without password parameters."""
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
    """Return the process's configuration. Raises SystemExit with one line for an invalid value."""
    try:
        return load(os.environ)
    except ConfigError as error:
        raise SystemExit(str(error)) from None


def keep_peer_address() -> None:
    """Keep uvicorn from replacing the peer's address from X-Forwarded-For: only TRUSTED_PROXIES decides that."""
    os.environ["FORWARDED_ALLOW_IPS"] = ""
