"""One address for all functions: the paths below which each answers, the addresses it tells, what a CDN may store."""

import uuid
from collections.abc import Callable

import pytest
import requests

from cli.function_table import FUNCTIONS
from tests.support.client import Client, assert_problem
from tests.support.factories import Shop, make_popup
from tests.support.stack import Database, FunctionProcess

Start = Callable[..., FunctionProcess]

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
