"""The environment of a deployed function: the settings of Config that it gets."""

from __future__ import annotations

from collections.abc import Iterable

from cli.function_table import DeployedFunction
from common.config import ConfigError, about, load
from ops.deploy.commands import Failure
from ops.deploy.settings import Settings

CLOUD_SQL = {"INSTANCE_CONNECTION_NAME", "DB_NAME", "DB_USER", "DB_PASSWORD", "DB_IAM_AUTH", "DB_IP_TYPE"}
"""Left out where the database is reached by its URL."""

SEPARATOR = "|"
"""Stands between variables in a flag of gcloud, so it can be in none."""


def variables(settings: Settings, function: DeployedFunction) -> dict[str, str]:
    """Return all variables except secrets."""
    # functions-framework's threads under Flask; ASGI ignores it.
    given = {"THREADS": settings.of(function, "CONCURRENCY")}
    for name in _names(settings, function, secret=False):
        text = _value(settings, function, name)
        if text:
            given[name] = text
    return given


def secrets(settings: Settings, function: DeployedFunction) -> dict[str, str]:
    """Return the secrets' NAME:VERSION in Secret Manager by variable."""
    references = {name: settings[f"{name}_SECRET"] for name in _names(settings, function, secret=True)}
    return {name: reference for name, reference in references.items() if reference}


def cloud_sql_instances(settings: Settings, function: DeployedFunction) -> list[str]:
    names = ("INSTANCE_CONNECTION_NAME", "REPLICA_INSTANCE_CONNECTION_NAME")
    return [settings[name] for name in names if settings[name] and _gets(function, name)]


def check_environment(settings: Settings, functions: Iterable[DeployedFunction]) -> None:
    """Raise Failure if a function would refuse its environment, with its error."""
    for function in functions:
        given = variables(settings, function)
        # Secrets are not read; a placeholder of the same form is enough here.
        placeholders = {name: about()[name].example for name in secrets(settings, function)}
        try:
            load(given | placeholders)
        except ConfigError as error:
            raise Failure(f"{function.name} would refuse its settings: {error}") from None
        for name, text in given.items():
            if SEPARATOR in text:
                raise Failure(f"{name} is {text!r}; allowed: a value without {SEPARATOR}")


def _names(settings: Settings, function: DeployedFunction, *, secret: bool) -> list[str]:
    unused = CLOUD_SQL if settings["DATABASE_URL_SECRET"] else set()
    return [
        name
        for name, known in about().items()
        if known.secret is secret and _gets(function, name) and name not in unused
    ]


def _gets(function: DeployedFunction, name: str) -> bool:
    return about()[name].shared or name in function.needs


def _value(settings: Settings, function: DeployedFunction, name: str) -> str:
    if name == "DB_POOL_MAX":
        return settings.of(function, name)
    if name == "GOOGLE_CLOUD_PROJECT":
        return settings[name] or settings["PROJECT"]
    if name == "DB_USER" and settings["DB_IAM_AUTH"] == "true":
        # Postgres knows a service account by its address without the last part.
        return settings.account(function).removesuffix(".gserviceaccount.com")
    return settings[name]
