"""Opens connections to Postgres, by URL or through the Cloud SQL connector, with every timeout set."""

from __future__ import annotations

import socket
import ssl
import struct
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from pg8000.core import CoreConnection
from pg8000.native import Connection

from common.config import Config, ConfigError
from common.postgres import _cloud_sql

# The server enforces the statement timeout; the socket's timeout is a little later, in case the server is gone.
SOCKET_GRACE_SECONDS = 0.5
APPLICATION_NAME = "popups"
# "Do you have TLS?" The server answers with one byte, S or N.
SSL_REQUEST = struct.pack("!ii", 8, 80877103)
# By name, because not every platform has all of these options.
_TCP_OPTIONS = {
    # Without it a message over 8 KiB waits 40 ms for the server's delayed acknowledgement.
    "TCP_NODELAY": 1,
    # An idle connection is probed after a minute, which also keeps it in firewalls' tables, and closed after a minute
    # and a half without an answer. The default is more than two hours.
    "TCP_KEEPIDLE": 60,
    "TCP_KEEPINTVL": 10,
    "TCP_KEEPCNT": 3,
    # In milliseconds, for data that is not acknowledged. The default is a quarter of an hour.
    "TCP_USER_TIMEOUT": 90_000,
}


def connect(
    config: Config,
    *,
    connect_timeout_seconds: float | None = None,
    limit_statements: bool = True,
    replica: bool = False,
) -> CoreConnection:
    """Open a connection, to the read replica if that is asked for and configured.

    Each statement may take DB_STATEMENT_TIMEOUT, unless statements are unlimited (migrations). Raises the errors of
    pg8000, the connector and the socket.
    """
    statement_timeout_ms = config.db_statement_timeout if limit_statements else None
    timeout = connect_timeout_seconds or config.db_connection_timeout / 1000
    options: dict[str, Any] = {"timeout": timeout, "application_name": APPLICATION_NAME}
    server_settings = "-c timezone=UTC"
    if statement_timeout_ms:
        server_settings += f" -c statement_timeout={statement_timeout_ms}"
    options["startup_params"] = {"options": server_settings}
    url, instance = _target(config, replica)
    connection = _by_url(url, config.database_ca_file, options) if url else _by_connector(config, instance, options)
    _tune(connection._usock, statement_timeout_ms)
    return connection


def has_replica(config: Config) -> bool:
    return bool(config.database_replica_url or config.replica_instance_connection_name)


def load_connector(config: Config) -> None:
    """Import the Cloud SQL connector if connections are made through it."""
    if config.instance_connection_name and not config.database_url:
        _cloud_sql.load()


def _target(config: Config, replica: bool) -> tuple[str | None, str]:
    url, instance = config.database_url, config.instance_connection_name
    if replica and has_replica(config):
        url, instance = config.database_replica_url, config.replica_instance_connection_name
    if not url and not instance:
        raise ConfigError("DATABASE_URL is unset; allowed: postgresql://…, or INSTANCE_CONNECTION_NAME instead")
    return url, instance or ""


def _by_url(url: str, ca_file: str | None, options: dict[str, Any]) -> CoreConnection:
    parts = urlsplit(url)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    port = parts.port or 5432
    folder = query.get("host", "")
    host = parts.hostname or folder or "localhost"
    tls = _tls({"sslrootcert": ca_file, **query} if ca_file else query)
    where: dict[str, Any] = {"host": host, "port": port, "ssl_context": tls}
    if folder.startswith("/"):
        where = {"host": None, "unix_sock": f"{folder}/.s.PGSQL.{port}", "ssl_context": False}
    elif tls is None:
        where = {"host": host, "sock": _open_socket(host, port, options["timeout"]), "ssl_context": False}
    return Connection(
        unquote(parts.username or "postgres"),
        database=unquote(parts.path.lstrip("/")) or None,
        password=unquote(parts.password) if parts.password else None,
        **where,
        **options,
    )


def _tls(query: dict[str, str]) -> ssl.SSLContext | bool | None:
    """Translate libpq's sslmode: False for no TLS, None for TLS if the server has it, or the context that it needs."""
    ca_file = query.get("sslrootcert")
    mode = query.get("sslmode", "verify-full" if ca_file and "host" not in query else "prefer")
    if mode not in ("verify-ca", "verify-full"):
        return {"disable": False, "prefer": None, "require": _unverified()}[mode]
    context = ssl.create_default_context(cafile=ca_file)
    context.check_hostname = mode == "verify-full"
    return context


def _open_socket(host: str, port: int, timeout: float) -> socket.socket:
    """Connect, with TLS if the server has it.

    pg8000 would do the same, but it reads the system's certificates first: 20 ms for each connection, during which the
    process does nothing else.
    """
    opened = socket.create_connection((host, port), timeout)
    try:
        opened.sendall(SSL_REQUEST)
        return _unverified().wrap_socket(opened, server_hostname=host) if opened.recv(1) == b"S" else opened
    except BaseException:
        opened.close()
        raise


@cache
def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _by_connector(config: Config, instance: str, options: dict[str, Any]) -> CoreConnection:
    signed_in = {"user": config.db_user, "password": config.db_password, "enable_iam_auth": config.db_iam_auth}
    return _cloud_sql.connect(instance, {**options, **signed_in, "db": config.db_name, "ip_type": config.db_ip_type})


def _tune(sock: socket.socket, statement_timeout_ms: int | None) -> None:
    """Set the socket options and timeouts that neither pg8000 nor the connector sets."""
    sock.settimeout(statement_timeout_ms / 1000 + SOCKET_GRACE_SECONDS if statement_timeout_ms else None)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if sock.family != socket.AF_UNIX:
        for name in _TCP_OPTIONS.keys() & vars(socket):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), _TCP_OPTIONS[name])
