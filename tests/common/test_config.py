"""The environment: what each variable takes, what it is when unset, and how a bad value is answered."""

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from common.config import About, ConfigError, _parse, about, load
from common.config import _values as values
from tests.support.client import Client
from tests.support.factories import make_popup, make_shop
from tests.support.stack import FUNCTIONS, ROOT, Database, Stack

CLOUD_SQL = {"INSTANCE_CONNECTION_NAME": "project:europe-west1:main", "DB_NAME": "popups", "DB_USER": "app"}

# A copy on purpose: whoever changes a default changes what users rely on.
DEFAULTS: dict[str, Any] = {
    "database_url": None,
    "instance_connection_name": None,
    "db_name": None,
    "db_user": None,
    "db_password": None,
    "db_iam_auth": False,
    "db_ip_type": "public",
    "database_replica_url": None,
    "replica_instance_connection_name": None,
    "db_pool_max": 20,
    "db_pool_min": 5,
    "db_idle_timeout": 30_000,
    "db_connection_timeout": 10_000,
    "db_statement_timeout": 5_000,
    "redis_url": None,
    "cache_ttl_popups": 300,
    "cache_ttl_stats": 60,
    "rate_limit_views": 1000,
    "rate_limit_conversions": 500,
    "rate_limit_stats": 100,
    "rate_limit_default": 100,
    "trusted_proxies": 0,
    "console_origins": (),
    "log_level": "INFO",
}


def test_what_is_unset_is_as_users_were_promised() -> None:
    unset = dataclasses.asdict(load({}))
    assert {name: unset[name] for name in DEFAULTS} == DEFAULTS


def test_what_is_empty_counts_as_unset() -> None:
    assert load(dict.fromkeys(about(), " ")) == load({})


ACCEPTED: dict[str, tuple[str, str, Any]] = {
    "a database": (
        "DATABASE_URL",
        "postgresql://u:p%40ss@db.example:5433/popups",
        "postgresql://u:p%40ss@db.example:5433/popups",
    ),
    "a database by its short name": ("DATABASE_URL", "postgres://localhost/popups", "postgres://localhost/popups"),
    "a Unix socket": ("DATABASE_URL", "postgresql:///popups?host=/run/pg", "postgresql:///popups?host=/run/pg"),
    "Redis": ("REDIS_URL", "redis://cache:6379/0", "redis://cache:6379/0"),
    "Redis with TLS": ("REDIS_URL", "rediss://:secret@cache:6379", "rediss://:secret@cache:6379"),
    "Redis on a socket": ("REDIS_URL", "unix:///run/redis.sock", "unix:///run/redis.sock"),
    "a Redis Cluster": ("REDIS_URL", "redis+cluster://cache:6379", "redis+cluster://cache:6379"),
    "Redis with timeouts": ("REDIS_URL", "redis://c/0?socket_timeout=0.5", "redis://c/0?socket_timeout=0.5"),
    "a limit switched off": ("RATE_LIMIT_VIEWS", "0", 0),
    "no connection kept": ("DB_POOL_MIN", "0", 0),
    "blanks around a number": ("DB_POOL_MAX", " 7 ", 7),
    "a level in small letters": ("LOG_LEVEL", "warning", "WARNING"),
    "a boolean in capitals": ("DB_IAM_AUTH", "TRUE", True),
    "two proxies": ("TRUSTED_PROXIES", "2", 2),
    "two consoles": (
        "CONSOLE_ORIGINS",
        "https://console.example, http://localhost:3000,",
        ("https://console.example", "http://localhost:3000"),
    ),
}


@pytest.mark.parametrize(("variable", "text", "value"), ACCEPTED.values(), ids=ACCEPTED)
def test_a_value_that_is_allowed_is_taken(variable: str, text: str, value: Any) -> None:
    assert getattr(load({variable: text}), variable.lower()) == value


REFUSED: dict[str, tuple[str, str, str]] = {
    "a pool in words": ("DB_POOL_MAX", "lots", "a whole number from 1 to 1000"),
    "a pool of nothing": ("DB_POOL_MAX", "0", "a whole number from 1 to 1000"),
    "a negative pool": ("DB_POOL_MIN", "-1", "a whole number from 0 to 1000"),
    "half a second": ("DB_STATEMENT_TIMEOUT", "0.5", "a whole number from 1 to 300000"),
    "no time at all": ("DB_CONNECTION_TIMEOUT", "0", "a whole number from 1 to 300000"),
    "a time with its unit": ("DB_IDLE_TIMEOUT", "30s", "a whole number from 1 to 86400000"),
    "a time to live of nothing": ("CACHE_TTL_POPUPS", "0", "a whole number from 1 to 86400"),
    "a time to live for ever": ("CACHE_TTL_STATS", "never", "a whole number from 1 to 86400"),
    "a limit below nothing": ("RATE_LIMIT_VIEWS", "-5", "a whole number from 0 to 1000000"),
    "a limit of 10^12": ("RATE_LIMIT_DEFAULT", "1000000000000", "a whole number from 0 to 1000000"),
    "a limit in other digits": ("RATE_LIMIT_STATS", "٣", "a whole number from 0 to 1000000"),
    "a limit with an underscore": ("RATE_LIMIT_CONVERSIONS", "1_000", "a whole number from 0 to 1000000"),
    "eleven proxies": ("TRUSTED_PROXIES", "11", "a whole number from 0 to 10"),
    "yes": ("DB_IAM_AUTH", "yes", "one of true, false"),
    "an address nobody knows": ("DB_IP_TYPE", "secret", "one of public, private, psc"),
    "a level nobody knows": ("LOG_LEVEL", "LOUD", "one of DEBUG, INFO, WARNING, ERROR"),
    "an instance without a region": ("INSTANCE_CONNECTION_NAME", "project:main", "project:region:instance"),
    "a replica without a region": ("REPLICA_INSTANCE_CONNECTION_NAME", "main", "project:region:instance"),
    "every console": ("CONSOLE_ORIGINS", "*", "origins such as https://console.example.com, separated by commas"),
    "a console with a path": ("CONSOLE_ORIGINS", "https://a.example/", "origins such as"),
    "a database at no address": ("DATABASE_URL", "postgresql://", "postgresql://user:password@host:port/name"),
    "a TLS mode nobody knows": ("DATABASE_URL", "postgresql://db/popups?sslmode=bogus", "postgresql://"),
    "no URL at all": ("DATABASE_URL", "hello", "postgresql://"),
    "a cache at no address": ("REDIS_URL", "redis+cluster://", "redis://"),
    "a cache with a database in words": ("REDIS_URL", "redis://cache/zero", "redis://"),
    "a parameter of the cache nobody knows": ("REDIS_URL", "redis://cache?foo=bar", "of redis-py's parameters"),
    "a timeout of the cache in words": ("REDIS_URL", "redis://c?socket_timeout=abc", "of redis-py's parameters"),
    "a console without a scheme": ("CONSOLE_ORIGINS", "https://a.example,b.example", "origins such as"),
}


@pytest.mark.parametrize(("variable", "text", "allowed"), REFUSED.values(), ids=REFUSED)
def test_a_bad_value_is_refused_in_one_line_with_the_variable_the_value_and_what_is_allowed(
    variable: str, text: str, allowed: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        load({variable: text})
    line = str(refused.value)
    assert line.startswith(f"{variable} is {text!r}; allowed: {allowed}")
    assert "\n" not in line


BAD_SECRETS: dict[str, tuple[str, str, str]] = {
    "another database": ("DATABASE_URL", "mysql://app:hunter2@db/popups", "mysql://***@db/popups"),
    "a database without a scheme": ("DATABASE_URL", "app:hunter2@db/popups", "***@db/popups"),
    "a port in words": ("DATABASE_URL", "postgresql://app:hunter2@db:port/popups", "postgresql://***@db:port/popups"),
    "a bracket in the password": ("DATABASE_URL", "postgresql://a:[hunter2@db/popups", "postgresql://***@db/popups"),
    "a sign in the password": ("DATABASE_URL", "http://app:hunter2@hunter2@db/popups", "http://***@db/popups"),
    "a bad replica": ("DATABASE_REPLICA_URL", "http://app:hunter2@db/popups", "http://***@db/popups"),
    "another cache": ("REDIS_URL", "memcached://:hunter2@cache", "memcached://***@cache"),
    "a password behind it": ("REDIS_URL", "http://c?password=hunter2&db=1", "http://c?password=***&db=1"),
}


@pytest.mark.parametrize(("variable", "text", "shown"), BAD_SECRETS.values(), ids=BAD_SECRETS)
def test_a_bad_value_is_shown_without_its_password(variable: str, text: str, shown: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load({variable: text})
    assert str(refused.value).startswith(f"{variable} is {shown!r}; allowed: ")
    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None  # nor by what a traceback would show


def test_a_bad_secret_that_is_no_url_is_not_shown_at_all() -> None:
    token = About(parse=values.whole_number(1, 9), meaning="", example="", secret=True, shared=False)
    with pytest.raises(ConfigError, match=r"TOKEN is '\*\*\*'; allowed: a whole number"):
        _parse("TOKEN", "hunter2", token)


def test_fewer_connections_allowed_than_are_kept_by_default_are_kept_all() -> None:
    assert load({"DB_POOL_MAX": "3"}).db_pool_min == 3


BAD_TOGETHER: dict[str, tuple[dict[str, str], str]] = {
    "more kept than allowed": (
        {"DB_POOL_MAX": "3", "DB_POOL_MIN": "4"},
        "DB_POOL_MIN is 4; allowed: at most DB_POOL_MAX",
    ),
    "Cloud SQL without a database": ({**CLOUD_SQL, "DB_NAME": ""}, "DB_NAME is unset"),
    "Cloud SQL without a user": ({**CLOUD_SQL, "DB_USER": ""}, "DB_USER is unset"),
    "Cloud SQL without a password": (CLOUD_SQL, "DB_PASSWORD is unset"),
}


@pytest.mark.parametrize(("environ", "line"), BAD_TOGETHER.values(), ids=BAD_TOGETHER)
def test_values_that_do_not_go_together_are_refused_by_name(environ: dict[str, str], line: str) -> None:
    with pytest.raises(ConfigError, match=line):
        load(environ)


@pytest.mark.parametrize("login", [{"DB_PASSWORD": "x"}, {"DB_IAM_AUTH": "true"}])
def test_cloud_sql_needs_a_password_or_iam(login: dict[str, str]) -> None:
    assert load({**CLOUD_SQL, **login}).instance_connection_name == "project:europe-west1:main"


def test_database_url_is_used_when_both_are_set() -> None:
    """Then what Cloud SQL would need besides may be missing."""
    assert load({"DATABASE_URL": "postgresql://localhost/popups", "INSTANCE_CONNECTION_NAME": "a:b:c"}).database_url


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_with_a_bad_value_does_not_start_and_says_why_in_one_line(stack: Stack, name: str) -> None:
    program = Path(sys.executable).with_name("functions-framework")
    command: list[str | Path] = [program, "--source", f"functions/{name}/main.py", "--target", name, "--port", "1"]
    environ = stack.environ(name, DB_POOL_MAX="lots")
    done = subprocess.run(command, capture_output=True, text=True, env=environ, cwd=ROOT, timeout=30)
    assert done.returncode != 0
    assert (done.stdout + done.stderr).splitlines() == ["DB_POOL_MAX is 'lots'; allowed: a whole number from 1 to 1000"]


def test_a_function_reaches_its_database_through_a_unix_socket(
    stack: Stack, database: Database, start_function: Any
) -> None:
    shop = make_shop(database)
    popup_id = make_popup(database, shop)
    url = f"postgresql://popups@:{stack.postgres.port}/popups?host={stack.postgres.socket_folder}"
    function = start_function("get_active_popups", DATABASE_URL=url, REDIS_URL=None)
    (popup,) = Client(function).get(f"/?shop_id={shop.id}").json()["popups"]
    assert popup["id"] == popup_id
