"""RATE_LIMIT_ORDERS: calls about orders count per API key; what brings an unknown key counts against its address."""

from collections.abc import Callable
from urllib.parse import urlsplit

from common.shop.api_keys import new_key
from tests.support.client import Client, assert_problem
from tests.support.factories import Shop, make_shop
from tests.support.proxy import proxy_to
from tests.support.stack import Database, FunctionProcess, Stack

StartFunction = Callable[..., FunctionProcess]


def at_address(address: str) -> dict[str, str]:
    return {"X-Forwarded-For": address}


def test_calls_about_orders_count_per_key_whatever_their_address(
    start_function: StartFunction, database: Database, shop: Shop
) -> None:
    limits = {"RATE_LIMIT_ORDERS": "4", "RATE_LIMIT_DEFAULT": "100", "TRUSTED_PROXIES": "1", "REDIS_URL": None}
    function = start_function("manage_popups", **limits)
    ours, others = (Client(function, each.read_key) for each in (shop, make_shop(database)))
    for client, number in ((ours, 1), (others, 2)):
        assert client.get("/orders", headers=at_address(f"192.0.2.{number}")).status_code == 200  # known from now on
    answers = [ours.get("/orders", headers=at_address("192.0.2.3")) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 4 + [429]
    assert answers[0].headers["RateLimit-Policy"] == '"orders";q=4;w=60'
    assert_problem(ours.get("/orders", headers=at_address("192.0.2.4")), 429, "rate_limited")
    assert others.get("/orders", headers=at_address("192.0.2.3")).status_code == 200
    assert ours.get("/popups", headers=at_address("192.0.2.3")).status_code == 200  # has its own limit, per address


def test_unknown_keys_are_refused_by_their_address_before_anybody_is_asked(
    start_function: StartFunction, stack: Stack, shop: Shop
) -> None:
    parts = urlsplit(stack.database_url)
    with proxy_to(parts.port or 5432) as proxy:
        url = stack.database_url.replace(f":{parts.port}", f":{proxy.port}")
        limits = {"RATE_LIMIT_ORDERS": "50", "RATE_LIMIT_DEFAULT": "3", "TRUSTED_PROXIES": "1", "REDIS_URL": None}
        function = start_function("manage_popups", DATABASE_URL=url, **limits)
        known = Client(function, shop.read_key)
        assert known.get("/orders", headers=at_address("192.0.2.1")).status_code == 200
        guesses = [
            Client(function, new_key()).get("/orders", headers=at_address("192.0.2.2")).status_code for _ in range(3)
        ]
        assert guesses == [401] * 3
        proxy.reset()
        for _ in range(3):
            guess = Client(function, new_key()).get("/orders", headers=at_address("192.0.2.2"))
            assert_problem(guess, 429, "rate_limited")
        assert proxy.round_trips == 0
        assert known.get("/orders", headers=at_address("192.0.2.2")).status_code == 200


def test_an_address_with_unknown_keys_has_the_limit_of_orders_too(start_function: StartFunction) -> None:
    limits = {"RATE_LIMIT_ORDERS": "2", "RATE_LIMIT_DEFAULT": "0", "TRUSTED_PROXIES": "1", "REDIS_URL": None}
    function = start_function("manage_popups", **limits)
    answers = [Client(function, new_key()).get("/orders", headers=at_address("192.0.2.1")) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
