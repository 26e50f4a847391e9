"""The settings: each with its name, type, default, parser and meaning.

This is the only list. The README's table and both example files are written from it (`make settings`), and deploy.sh
passes each setting to the functions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from common.config import _values as values


@dataclass(frozen=True)
class About:
    """A setting's metadata, besides its name, type and default.

    `meaning` is a sentence in Markdown. `example` is a value of a setting that has no default. A `secret` comes from
    Secret Manager, never in an argument. A setting that is not `shared` goes only to the functions that need it.
    """

    parse: values.Parser
    meaning: str
    example: str
    secret: bool
    shared: bool


def _setting(
    default: Any, parse: values.Parser, meaning: str, *, example: str = "", secret: bool = False, shared: bool = True
) -> Any:
    return field(default=default, metadata={"about": About(parse, meaning, example, secret, shared)})


@dataclass(frozen=True)
class Config:
    """Every setting, under its variable's name in lower case."""

    database_url: str | None = _setting(
        None,
        values.database_url,
        "Postgres as `postgresql://user:password@host:port/name`; a Unix socket as `?host=/dir`; `sslmode` `disable`, "
        "`prefer`, `require`, `verify-ca` or `verify-full`. Used when set.",
        example="postgresql://popups:secret@localhost:5432/popups",
        secret=True,
    )
    database_ca_file: str | None = _setting(
        None,
        values.absolute_path,
        "The certificates (PEM) that the server's must be signed by, unless the URL has its `sslrootcert`. With it "
        "`sslmode` is `verify-full` unless the URL says otherwise. The Cloud SQL connector verifies anyway.",
        example="/secrets/database-ca/ca.pem",
    )
    instance_connection_name: str | None = _setting(
        None,
        values.instance,
        "Cloud SQL through its connector: `project:region:instance`; with the five variables below.",
        example="my-project:europe-west1:popups",
    )
    db_name: str | None = _setting(None, str, "Cloud SQL: the database.", example="popups")
    db_user: str | None = _setting(None, str, "Cloud SQL: the user.", example="popups")
    db_password: str | None = _setting(
        None, str, "Cloud SQL: the user's password, unless IAM is used.", example="secret", secret=True
    )
    db_iam_auth: bool = _setting(
        False, values.boolean, "Cloud SQL: `true` signs in with the service account instead of a password."
    )
    db_ip_type: str = _setting(
        "public",
        values.one_of("public", "private", "psc"),
        "Cloud SQL: which address to connect to: `public`, `private` or `psc`.",
    )
    database_replica_url: str | None = _setting(
        None,
        values.database_url,
        "Read replica, used by `stats` while it is at most 5 seconds behind; unset means the primary.",
        example="postgresql://popups:secret@replica:5432/popups",
        secret=True,
        shared=False,
    )
    replica_instance_connection_name: str | None = _setting(
        None,
        values.instance,
        "The read replica through the Cloud SQL connector: `project:region:instance`.",
        example="my-project:europe-west1:popups-replica",
        shared=False,
    )
    db_pool_max: int = _setting(20, values.whole_number(1, 1000), "Connections an instance may open.")
    db_pool_min: int = _setting(
        5, values.whole_number(0, 1000), "Connections an instance keeps once opened; unset, it follows a lower maximum."
    )
    db_idle_timeout: int = _setting(
        30_000, values.whole_number(1, 86_400_000), "Milliseconds a connection above the minimum may idle."
    )
    db_connection_timeout: int = _setting(
        10_000,
        values.whole_number(1, 300_000),
        "Milliseconds a request waits for a connection at most; then it is a 503.",
    )
    db_statement_timeout: int = _setting(
        5_000, values.whole_number(1, 300_000), "Milliseconds a statement may run, enforced by the server."
    )
    redis_url: str | None = _setting(
        None,
        values.redis_url,
        "`redis://`, `rediss://`, `unix://`, or `redis+cluster://host:port`; redis-py's `socket_timeout`, "
        "`socket_connect_timeout` and `ssl_…` behind a `?`. Unset: cache and limits in memory, for one instance only.",
        example="redis://localhost:6379/0",
        secret=True,
    )
    redis_ca_file: str | None = _setting(
        None,
        values.absolute_path,
        "The certificates (PEM) that a `rediss://` server's must be signed by, unless the URL has its `ssl_ca_certs`.",
        example="/secrets/redis-ca/ca.pem",
    )
    cache_ttl_popups: int = _setting(
        300, values.whole_number(1, 86_400), "Seconds a cached list of active popups is fresh."
    )
    cache_ttl_stats: int = _setting(60, values.whole_number(1, 86_400), "Seconds a cached answer of `stats` is fresh.")
    rate_limit_views: int = _setting(
        1000,
        values.whole_number(0, 1_000_000),
        "Requests per minute and client address to `track_view`; 0 switches this limit off.",
    )
    rate_limit_conversions: int = _setting(500, values.whole_number(0, 1_000_000), "The same for `track_conversion`.")
    rate_limit_stats: int = _setting(100, values.whole_number(0, 1_000_000), "The same for `stats`.")
    rate_limit_default: int = _setting(
        100, values.whole_number(0, 1_000_000), "The same for each of the other functions."
    )
    rate_limit_orders: int = _setting(
        6000,
        values.whole_number(0, 1_000_000),
        "Requests per minute and API key to the calls about orders, and per order source. An unknown key counts "
        "against its address, which has this limit and `RATE_LIMIT_DEFAULT`.",
    )
    trusted_proxies: int = _setting(
        0,
        values.whole_number(0, 10),
        "Proxies that append to `X-Forwarded-For`; the client is that entry counted from the right. 0: the socket's "
        "peer; 1: Cloud Run; 2: behind a load balancer too.",
    )
    public_url: str | None = _setting(
        None,
        values.base_url,
        "The address below which the functions answer by name, for addresses that we tell others, such as `Location`; "
        "unset: a path.",
        example="https://popups.example.com",
    )
    secrets_key: tuple[bytes, ...] = _setting(
        (),
        values.secret_keys,
        "32 bytes in base64, which encrypt what shops entrust to us, such as the secrets of their platforms; a second "
        "key behind a comma can still decrypt. Unset: the calls that need it are a 503.",
        example="cGxlYXNlLW1ha2UtMzItcmFuZG9tLWJ5dGVzLWhlcmU=",
        secret=True,
        shared=False,
    )
    cdn: bool = _setting(
        False,
        values.boolean,
        "`true` where a CDN caches `get_active_popups`: its 200 and 304 have a `Cache-Tag`, and neither `RateLimit` "
        "nor `X-Request-Id`, which would be another client's.",
    )
    console_origins: tuple[str, ...] = _setting(
        (),
        values.origins,
        "Comma-separated origins whose pages may call the merchant functions.",
        example="https://console.example.com",
    )
    google_cloud_project: str | None = _setting(
        None,
        values.project,
        "The project whose Cloud Logging gets the log: with it a line names its trace as `projects/…/traces/…`. "
        "`deploy.sh` sets it.",
        example="my-project",
    )
    log_level: str = _setting(
        "INFO",
        values.one_of("DEBUG", "INFO", "WARNING", "ERROR"),
        "`DEBUG`, `INFO`, `WARNING` or `ERROR`. Above `INFO` there is no line for each request, and the metrics in "
        "`ops/monitoring` see errors only.",
    )
