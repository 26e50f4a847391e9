"""The environment of a deployed function: the settings of Config that it gets."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from cli.function_table import DeployedFunction
from common.config import ConfigError, about, load
from ops.deploy.commands import Failure
from ops.deploy.settings import Settings

# Where a secret is mounted as a file: each in a folder of its own, which the platform demands.
CA_FILES = {"REDIS_CA": "/secrets/redis-ca/ca.pem", "DATABASE_CA": "/secrets/database-ca/ca.pem"}

CLOUD_SQL = {"INSTANCE_CONNECTION_NAME", "DB_NAME", "DB_USER", "DB_PASSWORD", "DB_IAM_AUTH", "DB_IP_TYPE"}
"""Left out where the database is reached by its URL."""

SEPARATOR = "|"
"""Stands between variables in a flag of gcloud, so it can be in none."""

# What follows from DOMAIN and INGRESS, unless deploy.env says it. Only where nobody can come past the balancer is there
# a second proxy to trust.
BEHIND_A_BALANCER: dict[str, Callable[[Settings], str]] = {
    "TRUSTED_PROXIES": lambda settings: "2" if settings.is_closed and settings["DOMAIN"] else "1",
    "PUBLIC_URL": lambda settings: f"https://{settings['DOMAIN']}" if settings["DOMAIN"] else "",
    "CDN": lambda settings: "true" if settings["DOMAIN"] else "",
}


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
    """Return the secrets' NAME:VERSION in Secret Manager by variable, or by path for those that are files."""
    references = {name: settings[f"{name}_SECRET"] for name in _names(settings, function, secret=True)}
    references |= {path: settings[f"{name}_SECRET"] for name, path in CA_FILES.items()}
    return {name: reference for name, reference in references.items() if reference}


def cloud_sql_instances(settings: Settings, function: DeployedFunction) -> list[str]:
    names = ("INSTANCE_CONNECTION_NAME", "REPLICA_INSTANCE_CONNECTION_NAME")
    return [settings[name] for name in names if settings[name] and _gets(function, name)]


def check_environment(settings: Settings, functions: Iterable[DeployedFunction]) -> None:
    """Raise Failure if a function would refuse its environment, with its error."""
    for function in functions:
        given = variables(settings, function)
        # Secrets are not read; a placeholder of the same form is enough here.
        placeholders = {name: about()[name].example for name in secrets(settings, function) if name in about()}
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
    if settings[name]:
        return settings[name]
    if name.removesuffix("_FILE") in CA_FILES:
        ca = name.removesuffix("_FILE")
        return CA_FILES[ca] if settings[f"{ca}_SECRET"] else ""
    if name in BEHIND_A_BALANCER:
        return BEHIND_A_BALANCER[name](settings)
    if name == "DB_USER" and settings["DB_IAM_AUTH"] == "true":
        # Postgres knows a service account by its address without the last part.
        return settings.account(function).removesuffix(".gserviceaccount.com")
    return settings[name]
