"""`popups dev` for real: what it prints works, what it starts ends with it."""

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from cli.dev.child import free_port
from cli.dev.one_address import served
from cli.dev.programs import postgres_account, reachable_folder
from cli.function_table import FUNCTIONS
from common.web._worker import Threads
from tests.support.stack import ROOT, eventually, temporary_folder

POPUPS = Path(sys.executable).with_name("popups")


@dataclass
class Dev:
    """A running `popups dev`."""

    process: subprocess.Popen[bytes]
    port: int
    data: Path
    log: Path

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def printed(self) -> str:
        return self.log.read_text()

    @property
    def key(self) -> str:
        return (self.data / "demo-key").read_text().strip()

    def family(self) -> list[psutil.Process]:
        """Return the process of `popups dev` and all its descendants that are alive."""
        return [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)

    def popups(self) -> list[dict[str, object]]:
        headers = {"Authorization": f"Bearer {self.key}"}
        answer = requests.get(f"{self.address}/manage_popups/popups", headers=headers, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()["popups"]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with temporary_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def start_dev(folder: Path) -> Iterator[Callable[..., Dev]]:
    """Return a function that starts `popups dev` and returns once its introduction is printed."""
    started: list[Dev] = []

    def start(*options: str, data: Path | None = None, history: bool = False) -> Dev:
        port, number = free_port(), len(started)
        data = data or folder / f"data-{number}"
        log = folder / f"dev-{number}.log"
        command = [str(POPUPS), "dev", "--port", str(port), "--data", str(data), *options]
        command += [] if history else ["--no-history"]
        with log.open("wb") as output:
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=ROOT)
        dev = Dev(process, port, data, log)
        started.append(dev)
        eventually(lambda: "Ctrl-C stops everything" in dev.printed or process.poll() is not None, seconds=300)
        assert process.poll() is None, dev.printed
        return dev

    yield start
    for dev in started:
        with suppress(ProcessLookupError):
            dev.end(signal.SIGTERM)


@pytest.fixture(scope="module")
def dev(start_dev: Callable[..., Dev]) -> Dev:
    return start_dev()


def test_every_line_to_try_works_as_printed(dev: Dev) -> None:
    lines = re.findall(r"^  (curl .*)$", dev.printed, re.MULTILINE)
    assert len(lines) == 4
    for line in lines:
        done = subprocess.run(["bash", "-c", f"{line} --silent --fail"], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, (line, done)
        assert done.stdout.startswith("{")


def test_every_function_is_served_as_it_is_deployed() -> None:
    flask = {name for name, function in FUNCTIONS.items() if isinstance(served(function), Threads)}
    assert flask == {name for name, function in FUNCTIONS.items() if function.server == "flask"}


def test_the_printed_key_is_kept_where_only_its_owner_reads_it(dev: Dev) -> None:
    assert f"The demo key     {dev.key}" in dev.printed
    assert stat.S_IMODE((dev.data / "demo-key").stat().st_mode) == 0o600


def test_the_demo_shop_has_three_active_popups_that_differ_in_layout_trigger_and_offer(dev: Dev) -> None:
    popups = requests.get(f"{dev.address}/get_active_popups?shop_id=demo", timeout=10).json()["popups"]
    assert len(popups) == 3
    for group, field in (("design", "layout"), ("trigger", "type"), ("offer", "type")):
        assert len({popup[group][field] for popup in popups}) == 3


@pytest.mark.parametrize(
    ("path", "status", "content_type"),
    [
        ("/", 200, "text/html"),
        ("/storefront.js", 200, "text/javascript"),
        ("/exit_intent.js", 200, "text/javascript"),
        ("/cart.html", 200, "text/html"),
        ("/reference/", 200, "text/html"),
        ("/reference/openapi.json", 200, "application/json"),
        ("/stats/_ready", 200, "application/json"),
        ("/stats", 404, "application/problem+json"),
        ("/console/files/..%2fheaders.json", 404, "text/plain"),
        ("/nothing", 404, "text/plain"),
        ("/..%2f..%2fpyproject.toml", 404, "text/plain"),
    ],
    ids=[
        "the store",
        "the script",
        "the script by its former name",
        "a page",
        "the reference",
        "its document",
        "a function",
        "a bare function",
        "a way out of the console's files",
        "nothing",
        "a way out of the store",
    ],
)
def test_one_address_serves_the_store_the_script_and_the_functions(
    dev: Dev, path: str, status: int, content_type: str
) -> None:
    answer = requests.get(dev.address + path, timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (status, content_type)


def test_the_console_is_served_with_a_strict_policy_or_said_not_to_be_built(dev: Dev) -> None:
    answer = requests.get(f"{dev.address}/console/", timeout=10)
    if answer.status_code == 404:
        assert "not built: `make console` builds it" in dev.printed
        return
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe-" not in policy
    for part in ("default-src 'none'", "require-trusted-types-for 'script'", "frame-ancestors 'self'"):
        assert part in policy
    assert f"{dev.port}/console/" in dev.printed


def test_the_location_of_something_new_leads_back_below_the_functions_name(dev: Dev) -> None:
    headers = {"Authorization": f"Bearer {dev.key}"}
    made = requests.post(f"{dev.address}/manage_popups/popups", json={"name": "New"}, headers=headers, timeout=10)
    found = requests.get(dev.address + made.headers["Location"], headers=headers, timeout=10)
    assert found.json() == made.json()


def test_the_second_shop_has_sixty_days_that_add_up_and_an_experiment_that_can_be_stopped(
    start_dev: Callable[..., Dev],
) -> None:
    dev = start_dev(history=True)
    headers = {"Authorization": f"Bearer {(dev.data / 'example-key').read_text().strip()}"}

    def get(path: str) -> dict[str, Any]:
        answer = requests.get(dev.address + path, headers=headers, timeout=30)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    shop = get("/stats/shop")
    assert (shop["orders"] > 50, float(shop["net_revenue"]) > 1000) == (True, True)
    assert all(day["views"] > 0 for day in shop["by_day"][:-1])
    assert 0 < shop["converters_by_type"]["purchase"] <= shop["orders"]
    (welcome,) = [popup for popup in shop["popups"] if popup["name"].startswith("Welcome")]
    experiment = get(f"/stats/popups/{welcome['popup_id']}/experiment")
    assert (experiment["verdict"], experiment["best"]) == ("winner", "b")
    assert "viewers_in_two_variants" not in [note["code"] for note in experiment["health"]]
    (letter,) = [popup for popup in shop["popups"] if popup["name"] == "The monthly letter"]
    held_out = get(f"/stats/popups/{letter['popup_id']}/experiment")["holdout"]
    assert held_out["viewers"] > 100
    assert held_out["refused"].startswith("Fewer than 200")
    by_sales = get(f"/stats/popups/{welcome['popup_id']}/experiment?goal=purchase")
    assert all(variant["converters"] > 0 for variant in by_sales["variants"])
    assert len(get(f"/manage_popups/popups/{welcome['popup_id']}/history")["versions"]) == 2
    codes = get("/manage_popups/discount-codes")["discount_codes"]
    assert {code["code"] for code in codes if code["usage_count"] > 10} == {"FERN10", "CART5", "AUTUMN15"}
    orders = get("/manage_popups/orders?limit=100")["orders"]
    assert {order["source"] for order in orders} == {"api", "browser"}
    assert {order["reason"] for order in orders} >= {"code", None}
    assert any(float(order["refunded"]) > 0 for order in orders)
    assert {order["confirmed"] for order in orders if order["source"] == "browser"} == {False}


def test_a_second_one_on_the_same_port_says_so_and_starts_nothing(dev: Dev, folder: Path) -> None:
    data = folder / "second"
    refused = popups_dev("--port", str(dev.port), "--data", str(data))
    assert_one_plain_line(refused, f"Port {dev.port} is in use")
    assert not data.exists()


def test_a_second_one_on_the_same_data_says_so_and_starts_nothing(dev: Dev) -> None:
    refused = popups_dev("--port", str(free_port()), "--data", str(dev.data))
    assert_one_plain_line(refused, f"Another `popups dev` uses {dev.data}")
    assert requests.get(f"{dev.address}/stats/_ready", timeout=10).status_code == 200


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_stops_everything_and_leaves_no_process_behind(
    start_dev: Callable[..., Dev], number: signal.Signals
) -> None:
    dev = start_dev()
    family = dev.family()
    assert {"postgres", "valkey-server"} <= {process.name() for process in family}
    assert dev.end(number) == 0
    assert dev.printed.endswith("stopped\n")
    assert not [process for process in family if process.is_running()]


def test_the_data_outlives_even_a_kill_and_fresh_forgets_it(start_dev: Callable[..., Dev]) -> None:
    first = start_dev()
    family = first.family()
    key, popups = first.key, first.popups()
    first.end(signal.SIGKILL)

    second = start_dev(data=first.data)
    assert second.key == key
    assert second.popups() == popups
    eventually(lambda: not [process for process in family if process.is_running()], seconds=30)
    second.end(signal.SIGINT)

    third = start_dev("--fresh", data=first.data)
    assert third.key != key
    assert not {popup["id"] for popup in third.popups()} & {popup["id"] for popup in popups}


def test_without_redis_it_runs_on_the_cache_in_memory(start_dev: Callable[..., Dev]) -> None:
    dev = start_dev("--no-redis")
    assert "valkey-server" not in {process.name() for process in dev.family()}
    answer = requests.get(f"{dev.address}/get_active_popups/_ready", timeout=10).json()
    assert (answer["database"], answer["cache"]) == ("ok", "memory")
    assert requests.get(f"{dev.address}/get_active_popups?shop_id=demo", timeout=10).status_code == 200


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has folders that Postgres' account cannot enter")
def test_as_root_it_runs_below_a_folder_that_postgres_cannot_enter_and_leaves_its_mode_alone(
    start_dev: Callable[..., Dev], folder: Path
) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    dev = start_dev(data=closed / "data")
    assert len(dev.popups()) == 3
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    dev.end(signal.SIGINT)
    shutil.rmtree(reachable_folder(closed / "data" / "postgres", postgres_account()))


def popups_dev(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(POPUPS), "dev", *options], capture_output=True, text=True, cwd=ROOT, timeout=60)


def assert_one_plain_line(result: subprocess.CompletedProcess[str], words: str) -> None:
    assert result.returncode == 1, result
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert words in line
