"""Read and check deploy.env."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from cli.function_table import FUNCTIONS, DeployedFunction
from common.config import Invalid
from ops.deploy.commands import Failure
from ops.deploy.settings_table import SETTINGS, own_name

# Which settings have a default for each function in functions.toml, and under what name.
FROM_ITS_ROW = {"CONCURRENCY": "concurrency", "MAX_INSTANCES": "max_instances", "DB_POOL_MAX": "db_pool_max"}


class Settings:
    """The settings' values; an unset one is an empty string."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._values = {name: given.get(name) or setting.default for name, setting in SETTINGS.items()}

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def of(self, function: DeployedFunction, name: str) -> str:
        """Return the function's own value, or the common one."""
        own = self._values[own_name(name, function)] or self._values[name]
        return own or str(getattr(function, FROM_ITS_ROW[name]) if name in FROM_ITS_ROW else "")

    def service(self, function: DeployedFunction) -> str:
        return self[own_name("SERVICE", function)]

    def account(self, function: DeployedFunction) -> str:
        """Return the e-mail address of the function's service account."""
        return f"{self.account_name(function)}@{self['PROJECT']}.iam.gserviceaccount.com"

    def account_name(self, function: DeployedFunction) -> str:
        return self[own_name("SERVICE_ACCOUNT", function)] or self.service(function)

    def first_of(self, *names: str) -> str:
        """Return the first of these settings that has a value."""
        return next((self[name] for name in names if self[name]), "")

    @property
    def is_closed(self) -> bool:
        """Return whether the functions' own addresses refuse requests from outside."""
        return self["INGRESS"] != "all"

    @property
    def migration_url(self) -> str:
        """Return the secret with the database URL for migrations, if a URL is used."""
        return self.first_of("MIGRATE_DATABASE_URL_SECRET", "DATABASE_URL_SECRET")


def read_settings(file: Path) -> Settings:
    """Read the settings. Raises Failure for a bad line, a bad value, or contradictory values."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise Failure(f"there is no {file}; copy deploy.env.example and fill it in") from None
    settings = Settings(dict(_given(lines, str(file))))
    for line in _contradictions(settings):
        raise Failure(line)
    return settings


def _given(lines: list[str], file: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(lines, 1):
        if re.fullmatch(r"\s*(#.*)?", line):
            continue
        match = re.fullmatch(r"([A-Z][A-Z0-9_]*)=(.*)", line)
        if not match:
            raise Failure(f"{file}, line {number}: allowed: NAME=value")
        if match[1] not in SETTINGS:
            raise Failure(
                f"{file}, line {number}: there is no setting {match[1]}; deploy.env.example lists those there are"
            )
        yield match[1], _checked(match[1], re.sub(r"^([\"'])(.*)\1$", r"\2", match[2]))


def _checked(name: str, text: str) -> str:
    try:
        if text:
            SETTINGS[name].parse(text)
    except Invalid as allowed:
        # The value may be a misplaced password, so it is not printed.
        shown = "is not shown" if SETTINGS[name].is_secret else f"is {text!r}"
        raise Failure(f"{name} {shown}; allowed: {allowed}") from None
    return text


def _contradictions(settings: Settings) -> Iterator[str]:
    """Return what is missing or contradictory, one line each."""
    for name in ("PROJECT", "REGION"):
        if not settings[name]:
            yield f"{name} is unset; allowed: {SETTINGS[name].allowed}"
    if not settings["DATABASE_URL_SECRET"]:
        yield from _missing_for_cloud_sql(settings)
    if settings["DB_IP_TYPE"] != "public" and not settings["NETWORK"]:
        yield f"NETWORK is unset; allowed: {SETTINGS['NETWORK'].allowed}, with DB_IP_TYPE={settings['DB_IP_TYPE']}"
    yield from _missing_behind_a_balancer(settings)
    for function in FUNCTIONS.values():
        if not settings["REDIS_URL_SECRET"] and settings.of(function, "MAX_INSTANCES") != "1":
            yield "REDIS_URL_SECRET is unset, which allows MAX_INSTANCES=1 only: cache and limits are then in memory"
    for function in FUNCTIONS.values():
        own, account = own_name("SERVICE_ACCOUNT", function), settings.account_name(function)
        try:
            SETTINGS[own].parse(account)
        except Invalid as allowed:
            yield f"{own} is unset and {account!r} will not do; allowed: {allowed}"


def _missing_behind_a_balancer(settings: Settings) -> Iterator[str]:
    if settings["INGRESS"] == "internal-and-cloud-load-balancing" and not settings["DOMAIN"]:
        yield f"DOMAIN is unset; allowed: {SETTINGS['DOMAIN'].allowed}, with INGRESS={settings['INGRESS']}"
    if settings["TRUSTED_PROXIES"] not in ("", "0", "1") and not settings.is_closed:
        yield (
            f"TRUSTED_PROXIES is {settings['TRUSTED_PROXIES']} while the functions' own addresses are open, where "
            "anybody can forge another client's address; allowed: INGRESS=internal-and-cloud-load-balancing with it"
        )
    if settings.is_closed and not (settings["NETWORK"] and settings["SUBNET"]):
        yield f"NETWORK and SUBNET are unset; allowed: both, with INGRESS={settings['INGRESS']}"


def _missing_for_cloud_sql(settings: Settings) -> Iterator[str]:
    for name in ("INSTANCE_CONNECTION_NAME", "DB_NAME"):
        if not settings[name]:
            yield f"{name} is unset; allowed: {SETTINGS[name].allowed}, or DATABASE_URL_SECRET instead"
    if settings["DB_IAM_AUTH"] != "true" and not (settings["DB_USER"] and settings["DB_PASSWORD_SECRET"]):
        yield "DB_USER and DB_PASSWORD_SECRET are unset; allowed: both, or DB_IAM_AUTH=true"
    if not settings.migration_url and not settings.first_of("MIGRATE_DB_USER", "DB_USER"):
        yield (
            f"MIGRATE_DB_USER is unset; allowed: {SETTINGS['MIGRATE_DB_USER'].allowed} who applies migrations, "
            "which with DB_IAM_AUTH=true is none of the functions' accounts"
        )
