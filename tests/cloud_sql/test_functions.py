"""Functions on Cloud SQL: forked workers, a sleep without CPU, a failover and a password that is wrong, over HTTP."""

import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
import requests

from cli.dev.child import Child, free_port
from tests.cloud_sql.stand_in import CloudSql, Instance
from tests.support.factories import make_popup, make_shop
from tests.support.stack import Database, FunctionProcess, Stack, eventually

Start = Callable[..., FunctionProcess]


@pytest.fixture
def start(stack: Stack, launcher: list[str], tmp_path: Path) -> Iterator[Start]:
    """Yield a function that starts track_view on an instance: `start(instance, WORKERS="2")`."""
    started: list[FunctionProcess] = []

    def start_function(instance: Instance, **env: str) -> FunctionProcess:
        port = free_port()
        options = ["--source", "functions/track_view/main.py", "--target", "track_view", "--host", "127.0.0.1"]
        account = {"DB_NAME": "popups", "DB_USER": "popups", "DB_IAM_AUTH": "true", "DB_POOL_MIN": "1"}
        target = {"DATABASE_URL": None, "INSTANCE_CONNECTION_NAME": instance.connection_name, **account}
        environ = stack.environ("track_view", **{**target, "FUNCTION_USE_ASGI": None, **env})
        child = Child(
            "track_view", [*launcher, *options, "--port", str(port)], tmp_path / f"{port}.log", environ=environ
        )
        function = FunctionProcess("track_view", port, child)
        child.start(function.healthy)
        started.append(function)
        return function

    yield start_function
    for function in started:
        function.stop()


@pytest.fixture
def popup_id(database: Database) -> str:
    return make_popup(database, make_shop(database))


def send_view(function: FunctionProcess, popup_id: str) -> int:
    event = {"event_id": str(uuid.uuid4()), "popup_id": popup_id, "session_id": "visit"}
    return requests.post(function.url, json=event, timeout=30).status_code


def test_every_forked_worker_has_a_connector_of_its_own(
    cloud: CloudSql, instance: Instance, start: Start, popup_id: str
) -> None:
    function = start(instance, WORKERS="2")
    assert eventually(lambda: len(psutil.Process(function.pid).children()) == 2)

    def both_have_connected() -> bool:
        with ThreadPoolExecutor(8) as clients:
            assert set(clients.map(lambda _: send_view(function, popup_id), range(16))) == {202}
        return len({asked["public_key"] for asked in instance.certificates}) == 2

    assert eventually(both_have_connected)


def test_after_a_sleep_past_certificate_and_connection_the_next_view_is_taken(
    cloud: CloudSql, start: Start, popup_id: str
) -> None:
    instance = cloud.new_instance(certificate_lifetime=timedelta(minutes=4, seconds=1))
    function = start(instance)
    assert send_view(function, popup_id) == 202
    family = [function.pid, *(child.pid for child in psutil.Process(function.pid).children())]
    for pid in family:
        os.kill(pid, signal.SIGSTOP)
    cloud.proxy(instance.address).cut()
    time.sleep(1.5)
    for pid in family:
        os.kill(pid, signal.SIGCONT)
    assert send_view(function, popup_id) == 202
    assert len(instance.certificates) == 2


def test_after_a_failover_views_are_taken_again_without_a_restart(
    cloud: CloudSql, instance: Instance, start: Start, popup_id: str
) -> None:
    function = start(instance)
    assert send_view(function, popup_id) == 202
    cloud.proxy(instance.address).stop()
    assert send_view(function, popup_id) == 503
    instance.address = cloud.new_proxy()
    assert eventually(lambda: send_view(function, popup_id) == 202)


def test_who_may_not_connect_is_told_503_and_nothing_else(cloud: CloudSql, instance: Instance, start: Start) -> None:
    function = start(instance, DB_CONNECTION_TIMEOUT="2000")
    cloud.api_status = 403
    try:
        answer = requests.get(f"{function.url}/_ready", timeout=30)
    finally:
        cloud.api_status = 200
    assert answer.status_code == 503
    assert answer.json()["database"] == "down"
    assert "Traceback" not in function.logs()
    assert eventually(lambda: requests.get(f"{function.url}/_ready", timeout=30).status_code == 200)
