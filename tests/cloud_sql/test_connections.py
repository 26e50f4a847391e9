"""The Cloud SQL connector, end to end: certificates, IAM, expiry, failover, and never longer than the caller has."""

import datetime
import os
import socket
import threading
import time

import pytest
from pg8000.core import CoreConnection

from common.config import Config, load
from common.postgres import _cloud_sql
from common.postgres.connect import connect
from tests.cloud_sql.stand_in import PROXY_PORT, CloudSql, Instance
from tests.support.stack import eventually

MINUTES = datetime.timedelta(minutes=1)
REFRESH_BUFFER = 4 * MINUTES
"""The connector gets a new certificate that much before the old one ends."""


def config_of(instance: Instance, **settings: str) -> Config:
    account = {"DB_NAME": "popups", "DB_USER": "popups", "DB_PASSWORD": "popups"}
    return load({"INSTANCE_CONNECTION_NAME": instance.connection_name, **account, **settings})


def answer(connection: CoreConnection) -> object:
    try:
        return connection.execute_simple("SELECT current_database()").rows[0][0]
    finally:
        connection.close()


def test_a_connection_is_encrypted_and_proven_by_a_certificate(instance: Instance) -> None:
    assert answer(connect(config_of(instance))) == "popups"
    assert instance.clients == [f"{instance.name} without a token"]


def test_the_socket_below_has_what_the_connector_does_not_set(instance: Instance) -> None:
    connection = connect(config_of(instance, DB_STATEMENT_TIMEOUT="2000"))
    sock = connection._usock
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
    assert sock.gettimeout() == 2.5
    assert connection.execute_simple("SHOW statement_timeout").rows == [["2s"]]
    connection.close()


def test_with_iam_the_certificate_carries_the_accounts_token(cloud: CloudSql, instance: Instance) -> None:
    config = config_of(instance, DB_IAM_AUTH="true", DB_PASSWORD="", DB_USER="popups")
    assert answer(connect(config)) == "popups"
    (asked,) = instance.certificates
    assert asked["access_token"].startswith("token-")
    assert instance.clients == [f"{instance.name} {asked['access_token']}"]


def test_one_certificate_serves_until_it_is_about_to_end(instance: Instance) -> None:
    for _ in range(3):
        assert answer(connect(config_of(instance))) == "popups"
    assert len(instance.certificates) == 1


def test_after_a_sleep_past_its_certificate_the_first_connection_gets_a_new_one(cloud: CloudSql) -> None:
    """The refresh is lazy: nothing runs while the platform has taken the CPU away."""
    instance = cloud.new_instance(certificate_lifetime=REFRESH_BUFFER + datetime.timedelta(seconds=1.5))
    assert answer(connect(config_of(instance))) == "popups"
    time.sleep(2)
    assert len(instance.certificates) == 1
    assert answer(connect(config_of(instance))) == "popups"
    assert len(instance.certificates) == 2


def test_a_certificate_that_the_server_no_longer_takes_is_replaced_at_once(cloud: CloudSql) -> None:
    instance = cloud.new_instance(certificate_lifetime=-0.5 * MINUTES)  # ended before it was used
    with pytest.raises(OSError, match="Cloud SQL"):
        connect(config_of(instance))
    instance.certificate_lifetime = 60 * MINUTES
    assert answer(connect(config_of(instance))) == "popups"


def test_an_instance_that_failed_over_is_found_by_the_connection_that_notices(cloud: CloudSql) -> None:
    instance = cloud.new_instance()
    assert answer(connect(config_of(instance))) == "popups"
    cloud.proxy(instance.address).stop()
    instance.address = cloud.new_proxy()
    assert answer(connect(config_of(instance))) == "popups"


@pytest.mark.parametrize("status", [403, 503])
def test_an_error_of_the_admin_api_is_an_error_of_the_connection(cloud: CloudSql, status: int) -> None:
    instance = cloud.new_instance()
    cloud.api_status = status
    try:
        with pytest.raises(OSError, match="Cloud SQL"):
            connect(config_of(instance), connect_timeout_seconds=2)
    finally:
        cloud.api_status = 200
    assert answer(connect(config_of(instance))) == "popups"


def gives_up_in_time(config: Config) -> bool:
    """Long before the silence would end by itself, but on a busy machine not after just that second."""
    started = time.monotonic()
    with pytest.raises(OSError):  # noqa: PT011
        connect(config, connect_timeout_seconds=1)
    return time.monotonic() - started < _cloud_sql.SILENCE_SECONDS


def test_an_admin_api_that_does_not_answer_costs_no_more_than_the_timeout(cloud: CloudSql) -> None:
    instance = cloud.new_instance()
    cloud.api_silent.set()
    try:
        assert gives_up_in_time(config_of(instance))
    finally:
        cloud.api_silent.clear()
    assert answer(connect(config_of(instance), connect_timeout_seconds=5)) == "popups"


def test_an_instance_that_does_not_answer_costs_no_more_than_the_timeout_and_others_are_reached(
    cloud: CloudSql,
) -> None:
    """The connector connects in its event loop, which a silent address blocks for minutes."""
    silent, healthy = cloud.new_instance(), cloud.new_instance()
    cloud.proxy(silent.address).stop()
    with socket.create_server((silent.address, PROXY_PORT)):  # takes connections and says nothing
        assert gives_up_in_time(config_of(silent))
        assert answer(connect(config_of(healthy), connect_timeout_seconds=5)) == "popups"


def loops() -> int:
    return sum(thread.name == "cloud-sql" for thread in threading.enumerate())


def start_anew() -> None:
    """Forget the connector: the next connection makes its own."""
    _cloud_sql._current().leave_behind(_cloud_sql._current().get())


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def failure_of(instance: Instance, seconds: float) -> str:
    with pytest.raises(OSError, match="Cloud SQL") as failed:
        connect(config_of(instance), connect_timeout_seconds=seconds)
    return str(failed.value)


def try_to_connect(instance: Instance, seconds: float, error: str = "") -> None:
    assert error in failure_of(instance, seconds)


def test_however_long_an_instance_is_silent_only_some_attempts_are_blocked_and_more_fail_at_once(
    cloud: CloudSql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_cloud_sql, "SILENCE_SECONDS", 600)  # none ends by itself meanwhile
    start_anew()
    silent = cloud.new_instance()
    eventually(lambda: loops() <= 1)
    files_before = open_files()
    cloud.proxy(silent.address).stop()
    with socket.create_server((silent.address, PROXY_PORT)):
        # On a busy machine an attempt may run out of time before it is blocked.
        eventually(lambda: "still without an answer" in failure_of(silent, seconds=1), seconds=120)
        for _ in range(20):
            try_to_connect(silent, seconds=1, error="still without an answer")
        assert loops() == _cloud_sql.MAX_LEFT_BEHIND
    eventually(lambda: loops() == 0, seconds=30)  # what was waiting for an answer is reset
    # The stand-in's own ends of these connections are among them.
    eventually(lambda: open_files() <= files_before, seconds=30)
    assert answer(connect(config_of(cloud.new_instance()))) == "popups"


def test_an_attempt_that_never_gets_an_answer_ends_by_itself(cloud: CloudSql, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address may take a connection, and its machine then be gone: nothing would ever come back."""
    monkeypatch.setattr(_cloud_sql, "SILENCE_SECONDS", 2)
    start_anew()
    silent = cloud.new_instance()
    cloud.proxy(silent.address).stop()
    with socket.create_server((silent.address, PROXY_PORT)):
        try_to_connect(silent, seconds=1)
        eventually(lambda: loops() == 0)


def test_without_credentials_an_attempt_leaves_nothing_behind(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_anew()
    eventually(lambda: loops() == 0)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere")
    with pytest.raises(Exception, match="nowhere"):
        connect(config_of(instance))
    assert loops() == 0
