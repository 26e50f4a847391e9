"""One address for all functions: the paths below which each answers, the addresses it tells, what a CDN may store."""

import contextlib
import copy
import http.server
import threading
import uuid
from collections.abc import Callable, Iterator

import pytest
import requests

from cli.function_table import FUNCTIONS
from ops.deploy.files import backend_buckets
from ops.deploy.settings import Settings
from ops.deploy.url_map import backend_service, url_map
from tests.support.balancer import balancer
from tests.support.client import Client, assert_problem
from tests.support.factories import Shop, make_popup
from tests.support.stack import Database, FunctionProcess, Stack

Start = Callable[..., FunctionProcess]

POPUP = {"name": "A popup", "status": "active", "trigger": {"type": "exit_intent"}}

OF_ONE_CLIENT = {"x-request-id", "ratelimit", "ratelimit-policy"}


def names(answer: requests.Response) -> set[str]:
    return {name.lower() for name in answer.headers}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_answers_below_its_own_name_and_below_a_neutral_one(
    name: str, request: pytest.FixtureRequest
) -> None:
    function: FunctionProcess = request.getfixturevalue(name)
    for prefix in ("", f"/{name}", f"/{FUNCTIONS[name].service}"):
        assert requests.get(f"{function.url}{prefix}/_health", timeout=10).json()["status"] == "ok"
        assert requests.get(f"{function.url}{prefix}/_ready", timeout=30).json()["database"] == "ok"


def test_a_prefix_stands_for_the_root_with_a_slash_and_without(
    get_active_popups: FunctionProcess, shop: Shop, database: Database
) -> None:
    make_popup(database, shop)
    answers = [
        requests.get(f"{get_active_popups.url}{path}?shop_id={shop.id}", timeout=10).content
        for path in ("/", "/get_active_popups", "/get_active_popups/", "/shop-content", "/shop-content/")
    ]
    assert b'"popups"' in answers[0]
    assert len(set(answers)) == 1


@pytest.mark.parametrize("path", ["/track_view", "/get_active_popups/get_active_popups", "/get_active_popupsx"])
def test_another_prefix_is_no_path_of_the_function(get_active_popups: FunctionProcess, path: str) -> None:
    assert_problem(requests.get(get_active_popups.url + path, timeout=10), 404)


@pytest.mark.parametrize("prefix", ["", "/manage_popups", "/shop-desk"])
def test_without_a_public_url_the_location_leads_back_the_way_the_request_came(merchant: Client, prefix: str) -> None:
    made = merchant.post(f"{prefix}/popups", {"name": "A popup"})
    assert made.headers["Location"] == f"{prefix}/popups/{made.json()['id']}"
    assert merchant.get(made.headers["Location"]).json() == made.json()


@pytest.mark.parametrize("public_url", ["https://popups.example.com", "https://example.com/api/"])
def test_with_a_public_url_the_location_is_below_it_whatever_a_proxy_has_made_of_the_path(
    start_function: Start, shop: Shop, public_url: str
) -> None:
    merchant = Client(start_function("manage_popups", PUBLIC_URL=public_url), shop.write_key)
    for prefix in ("", "/manage_popups"):
        made = merchant.post(f"{prefix}/popups", {"name": "A popup"})
        base = public_url.rstrip("/")
        assert made.headers["Location"] == f"{base}/manage_popups/popups/{made.json()['id']}"


def test_what_a_cdn_stores_says_nothing_of_the_client_who_asked_first(
    start_function: Start, shop: Shop, database: Database
) -> None:
    make_popup(database, shop)
    function = start_function("get_active_popups", CDN="true", RATE_LIMIT_DEFAULT="100", REDIS_URL=None)
    trace = {"traceparent": f"00-{uuid.uuid4().hex}-00f067aa0ba902b7-01"}
    whole = Client(function).get(f"/?shop_id={shop.id}", headers=trace)
    known = Client(function).get(f"/?shop_id={shop.id}", headers={"If-None-Match": whole.headers["ETag"]})
    assert (whole.status_code, known.status_code) == (200, 304)
    for answer in (whole, known):
        assert not OF_ONE_CLIENT & names(answer)
        assert answer.headers["Cache-Tag"] == f"shop-{shop.id}"
        assert answer.headers["Cache-Control"].startswith("public")
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_what_a_cdn_does_not_store_says_which_request_it_answers(start_function: Start) -> None:
    function = start_function("get_active_popups", CDN="true", RATE_LIMIT_DEFAULT="100", REDIS_URL=None)
    for path in ("/?shop_id=nobody", "/?shop_id=", "/_health"):
        answer = Client(function).get(path)
        assert names(answer) >= OF_ONE_CLIENT
        assert "Cache-Tag" not in answer.headers


def test_without_a_cdn_every_answer_says_which_request_it_answers(
    start_function: Start, shop: Shop, database: Database
) -> None:
    make_popup(database, shop)
    answer = Client(start_function("get_active_popups", RATE_LIMIT_DEFAULT="100", REDIS_URL=None)).get(
        f"/?shop_id={shop.id}"
    )
    assert names(answer) >= OF_ONE_CLIENT
    assert "Cache-Tag" not in answer.headers


DOOR = Settings({"PROJECT": "acme-shop", "DOMAIN": "popups.example.com", "BUCKET": "acme-static"})


@pytest.fixture(scope="module", params=["rewritten", "as it came"])
def door(request: pytest.FixtureRequest, stack: Stack) -> Iterator[str]:
    """All functions behind deploy.sh's URL map, and behind the same one without its rewriting."""
    paths = copy.deepcopy(url_map(DOOR))
    if request.param == "as it came":
        for rule in paths["pathMatchers"][0]["routeRules"]:
            if "backendServices" in rule.get("service", ""):
                del rule["routeAction"]
    with files_of_the_bucket() as bucket:
        services = dict.fromkeys(backend_buckets(), bucket)
        for name in FUNCTIONS:
            limits = {"RATE_LIMIT_DEFAULT": "3"} if name == "get_active_popups" else {}
            function = stack.start_function(name, TRUSTED_PROXIES="2", REDIS_URL=None, **limits)
            services[backend_service(DOOR, name)] = function.url
        with balancer(paths, services) as address:
            yield address


@contextlib.contextmanager
def files_of_the_bucket() -> Iterator[str]:
    """Serve each path as its own text, in place of Cloud Storage; yield the server's URL."""

    class Files(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f"object {self.path}".encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_through_the_front_door_each_function_is_at_its_paths(door: str, name: str) -> None:
    for path in (name, FUNCTIONS[name].service):
        ready = requests.get(f"{door}/{path}/_ready", timeout=30)
        assert (ready.status_code, ready.json()["database"]) == (200, "ok")


def test_through_the_front_door_a_shop_runs_as_it_does_without(door: str, shop: Shop) -> None:
    made = requests.post(f"{door}/manage_popups/popups", json=POPUP, headers=shop.writer, timeout=30)
    assert made.status_code == 201
    popup_id = made.json()["id"]
    client = {"X-Test-Client": f"192.0.2.{uuid.UUID(popup_id).int % 250 + 2}"}
    shown = requests.get(f"{door}/shop-content?shop_id={shop.id}&rules=1", headers=client, timeout=30).json()
    assert [popup["id"] for popup in shown["popups"]] == [popup_id]
    event = {"event_id": str(uuid.uuid4()), "popup_id": popup_id, "session_id": "visit", "type": "click"}
    assert requests.post(f"{door}/shop-notes", json=event, timeout=30).json() == {"accepted": 1}
    assert requests.post(f"{door}/track_conversion/", json=event, timeout=30).status_code == 201
    counted = requests.get(f"{door}/shop-reports/popups/{popup_id}", headers=shop.reader, timeout=30).json()
    assert (counted["views"], counted["conversions"]) == (1, 1)


def test_behind_two_proxies_a_forged_entry_walks_around_no_limit(door: str, shop: Shop) -> None:
    client = {"X-Test-Client": f"198.51.100.{uuid.uuid4().int % 250 + 2}"}
    statuses = [
        requests.get(
            f"{door}/get_active_popups?shop_id={shop.id}",
            headers={**client, "X-Forwarded-For": f"192.0.2.{number}, 10.0.0.{number}"},
            timeout=30,
        ).status_code
        for number in range(8)
    ]
    assert statuses.count(429) == 5


def test_whatever_is_no_function_comes_from_the_bucket(door: str) -> None:
    for path in ("/storefront.js", "/storefront-0123456789ab.js", "/console/files/0123.js", "/trackview", "/"):
        assert requests.get(door + path, timeout=30).text == f"object {path}"
