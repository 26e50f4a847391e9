"""The settings of deploy.env: their defaults and allowed values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from cli.function_table import FUNCTIONS, DeployedFunction
from common.config import Invalid, Parser, about


@dataclass(frozen=True)
class Setting:
    """A setting. `parse` raises Invalid with the allowed values; `allowed` describes them if the setting is unset."""

    name: str
    default: str
    parse: Parser
    allowed: str = ""

    @property
    def is_secret(self) -> bool:
        return self.name.endswith("_SECRET")


def _setting(name: str, default: str, pattern: str, allowed: str) -> Setting:
    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise Invalid(allowed)
        return text

    return Setting(name, default, parse, allowed)


def _secret(name: str) -> Setting:
    # An instance reads a secret when it starts: with `latest`, instances of one revision would differ.
    pattern = r"[A-Za-z0-9_-]{1,255}:[1-9][0-9]*"
    return _setting(name, "", pattern, "NAME:VERSION of a secret in Secret Manager, the version a number")


WHOLE_NUMBER, COUNT, YES_OR_NO = r"0|[1-9][0-9]{0,8}", r"[1-9][0-9]{0,3}", r"true|false"
IP_TYPE, IP_TYPES = r"public|private|psc", "public, private or psc"
USER, USERS = r"[A-Za-z0-9_.@-]+", "the name of a database user"
INSTANCE, INSTANCES = r"[a-z][a-z0-9.:-]*:[a-z0-9-]+:[a-z][a-z0-9-]*", "project:region:instance"
INGRESSES = ("all", "internal-and-cloud-load-balancing", "internal")
SERVICE = r"[a-z]([a-z0-9-]{0,47}[a-z0-9])?"
SERVICE_ACCOUNT = r"[a-z][a-z0-9-]{4,28}[a-z0-9]"

_OWN = (
    _setting("PROJECT", "", r"[a-z][a-z0-9.:-]{4,}[a-z0-9]", "the id of a Google Cloud project"),
    _setting("REGION", "", r"[a-z]+-[a-z]+[0-9]+", "a region such as europe-west1"),
    _setting("INSTANCE_CONNECTION_NAME", "", INSTANCE, INSTANCES),
    _setting("REPLICA_INSTANCE_CONNECTION_NAME", "", INSTANCE, INSTANCES),
    _setting("DB_NAME", "", r"[A-Za-z0-9_-]+", "the name of a database"),
    _setting("DB_USER", "", USER, USERS),
    _setting("DB_IAM_AUTH", "false", YES_OR_NO, "true or false"),
    _setting("DB_IP_TYPE", "public", IP_TYPE, IP_TYPES),
    _setting("MIGRATE_DB_USER", "", USER, USERS),
    _secret("MIGRATE_DB_PASSWORD_SECRET"),
    _setting("MIGRATE_DB_IP_TYPE", "", IP_TYPE, IP_TYPES),
    _secret("MIGRATE_DATABASE_URL_SECRET"),
    _setting("DB_RESERVE", "10", WHOLE_NUMBER, "a number of connections"),
    _setting("NETWORK", "", r"[a-z][a-z0-9/-]*", "the name of a VPC network"),
    _setting("SUBNET", "", r"[a-z][a-z0-9/-]*", "the name of a subnet of NETWORK"),
    _setting("LOG_LEVEL", "INFO", r"DEBUG|INFO", "DEBUG or INFO: metrics and alerts are made of each request's line"),
    _setting("READY_SECONDS", "180", COUNT, "a number of seconds"),
    _setting("DOMAIN", "", r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}", "a domain such as popups.example.com"),
    _setting("INGRESS", "all", "|".join(INGRESSES), ", ".join(INGRESSES)),
    _setting("ARMOR_PER_MINUTE", "", COUNT, "a number of requests a minute and address"),
    _setting("MIGRATE_IN", "here", r"here|job", "here or job"),
    _secret("REDIS_CA_SECRET"),
    _secret("DATABASE_CA_SECRET"),
    _setting("RETAIN_DAYS", "", WHOLE_NUMBER, "a number of days"),
    _setting("DEPLOYER", "", r"(user|group|serviceAccount|principal|principalSet):\S+", "user:… or serviceAccount:…"),
    _setting("BUCKET", "", r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]", "the name of a Cloud Storage bucket, without gs://"),
    _setting("NOTIFICATION_CHANNELS", "", r"[A-Za-z0-9/_,-]+", "notification channels, separated by commas"),
)

# One value for all functions, or with a function's name appended (MAX_INSTANCES_STATS) for that one.
PER_FUNCTION = (
    _setting("MIN_INSTANCES", "0", WHOLE_NUMBER, "a number of instances"),
    _setting("MAX_INSTANCES", "", COUNT, "a number of instances"),
    _setting("DB_POOL_MAX", "", COUNT, "a number of connections"),
    _setting("CONCURRENCY", "", COUNT, "a number of requests at once, up to 1000"),
    _setting("CPU_THROTTLING", "true", YES_OR_NO, "true or false"),
    _setting("PUBLIC", "true", YES_OR_NO, "true or false"),
)

# Defaults for deployed functions where they differ from Config's. TRUSTED_PROXIES, PUBLIC_URL and CDN left empty follow
# from DOMAIN and INGRESS (environment.py).
DEPLOYED_DEFAULTS = {"DB_POOL_MIN": "1"}


def own_name(name: str, function: DeployedFunction) -> str:
    """Return the setting's name for one function."""
    return f"{name}_{function.name.upper()}"


def _of_one_function(function: DeployedFunction) -> Iterator[Setting]:
    for each in PER_FUNCTION:
        default = "false" if each.name == "CPU_THROTTLING" and not function.cpu_throttling else ""
        yield Setting(own_name(each.name, function), default, each.parse, each.allowed)
    yield _setting(own_name("SERVICE", function), function.service, SERVICE, "the name of a Cloud Run service")
    yield _setting(
        own_name("SERVICE_ACCOUNT", function), "", SERVICE_ACCOUNT, "the name of a service account, 6 to 30 characters"
    )


def _of_config() -> Iterator[Setting]:
    """Return every setting that functions read: a secret by its name in Secret Manager, any other by value."""
    for name, known in about().items():
        if known.secret:
            yield _secret(f"{name}_SECRET")
        else:
            yield Setting(name, DEPLOYED_DEFAULTS.get(name, ""), known.parse)


# Later entries replace earlier ones of the same name: deploy.env's own definitions of settings of Config.
SETTINGS = {
    setting.name: setting
    for setting in (*_of_config(), *_OWN, *PER_FUNCTION, *chain(*map(_of_one_function, FUNCTIONS.values())))
}
