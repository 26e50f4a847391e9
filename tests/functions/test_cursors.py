"""A cursor leads on in the list that gave it, and nowhere else."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.client import Client, assert_problem
from tests.support.factories import Shop, capture, make_discount_code, make_popup, make_shop
from tests.support.stack import Database, FunctionProcess
from tests.support.tracking import send

LISTS: dict[str, str] = {
    "popups": "/popups?limit=1",
    "active popups": "/popups?limit=1&status=active",
    "discount codes": "/discount-codes?limit=1",
    "active discount codes": "/discount-codes?limit=1&is_active=true",
    "subscribers": "/subscribers?limit=1",
    "active subscribers": "/subscribers?limit=1&active=true",
    "subscribers of a popup": "/subscribers?limit=1&popup_id=POPUP",
    "subscribers whose address starts so": "/subscribers?limit=1&email=a",
    "subscribers whose address starts otherwise": "/subscribers?limit=1&email=an",
    "versions of a popup": "/popups/POPUP/history?limit=1",
    "versions of another popup": "/popups/OTHER/history?limit=1",
}

Ask = Callable[[str], Any]


@pytest.fixture
def ask(merchant: Client, shop: Shop, database: Database, track_conversion: FunctionProcess) -> Ask:
    """Each list has a second page; POPUP and OTHER stand for the popups' ids."""
    ids = {name: make_popup(database, shop, name=name) for name in ("POPUP", "OTHER")}
    for popup_id in ids.values():
        for priority in (1, 2):
            merchant.patch(f"/popups/{popup_id}", {"priority": priority})
    for number in range(2):
        make_discount_code(database, shop)
        send(track_conversion, capture(ids["POPUP"], f"an{number}@example.com")).raise_for_status()

    def get(address: str) -> Any:
        return merchant.get(address.replace("POPUP", ids["POPUP"]).replace("OTHER", ids["OTHER"]))

    return get


def test_a_cursor_is_refused_by_every_other_list_and_under_every_other_filter(ask: Ask) -> None:
    given = {name: ask(address).json()["next_cursor"] for name, address in LISTS.items()}
    assert all(given.values())
    for name, address in LISTS.items():
        assert ask(f"{address}&cursor={given[name]}").status_code == 200, name
        for other in LISTS.keys() - {name}:
            assert_problem(ask(f"{address}&cursor={given[other]}"), 422, "invalid", "cursor")


def test_a_cursor_is_refused_by_another_shops_list(
    ask: Ask, manage_popups: FunctionProcess, database: Database
) -> None:
    stranger = Client(manage_popups, make_shop(database).read_key)
    given = ask("/popups?limit=1").json()["next_cursor"]
    assert_problem(stranger.get(f"/popups?limit=1&cursor={given}"), 422, "invalid", "cursor")


@pytest.mark.parametrize(
    "same", ["/popups/?limit=1", "/popups?limit=1&fields=name", "/popups?limit=2"], ids=["slash", "fields", "limit"]
)
def test_a_page_may_be_of_another_size_and_show_other_fields(ask: Ask, same: str) -> None:
    given = ask("/popups?limit=1").json()["next_cursor"]
    assert len(ask(f"{same}&cursor={given}").json()["popups"]) == 1
