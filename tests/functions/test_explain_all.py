"""POST /explain: for all popups of a shop, or for a draft, whether a shopper would be shown them."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.client import Client, assert_problem
from tests.support.factories import Shop, capture, make_discount_code, make_popup, make_shop, view
from tests.support.stack import Database, FunctionProcess

DAY = timedelta(days=1)


@pytest.fixture
def reader(manage_popups: FunctionProcess, shop: Shop) -> Client:
    return Client(manage_popups, shop.read_key)


def explained(reader: Client, **asked: Any) -> list[dict[str, Any]]:
    answer = reader.post("/explain", asked)
    assert answer.status_code == 200, answer.text
    return answer.json()["popups"]


def reasons(reader: Client, **asked: Any) -> dict[str, str | None]:
    told = explained(reader, **asked)
    assert all(each["would_show"] == (each["reason"] is None) for each in told)
    return {each["name"]: each["reason"] for each in told}


def test_every_popup_that_is_not_archived_is_told_with_its_first_no(
    reader: Client, database: Database, shop: Shop
) -> None:
    now = datetime.now(UTC)
    code_id = make_discount_code(database, shop, is_active=False)
    popups: dict[str, dict[str, Any]] = {
        "draft": {"status": "draft"},
        "paused": {"status": "paused"},
        "archived": {"status": "archived"},
        "early": {"starts_at": (now + DAY).isoformat()},
        "over": {"ends_at": (now - DAY).isoformat()},
        "stopped": {"offer": {"discount_code_id": code_id, "when_empty": "stop"}},
        "elsewhere": {"targeting": {"include_pages": ["/products/*"]}},
        "for phones": {"targeting": {"device_types": ["mobile"]}},
        "shown": {},
    }
    for name, fields in popups.items():
        make_popup(database, shop, name=name, **fields)
    assert reasons(reader, url="/cart") == {
        "draft": "status",
        "paused": "status",
        "early": "starts_at",
        "over": "ends_at",
        "stopped": "offer.when_empty",
        "elsewhere": "targeting.include_pages",
        "for phones": "targeting.device_types",
        "shown": None,
    }


def test_it_says_of_each_popup_what_explain_of_that_popup_says(
    reader: Client,
    database: Database,
    shop: Shop,
    track_view: FunctionProcess,
    track_conversion: FunctionProcess,
) -> None:
    visitor = f"visitor-{uuid.uuid4()}"
    variants = [{"id": "a"}, {"id": "b"}]
    popups = [
        make_popup(database, shop, name="new", targeting={"visitors": "new"}),
        make_popup(database, shop, name="converted", offer={"type": "email_capture"}, variants=variants),
        make_popup(database, shop, name="draft", status="draft", variants=variants),
        make_popup(database, shop, name="held out", holdout_percent=100),
    ]
    assert Client(track_view).post(json=view(popups[0], visitor_id=visitor)).ok
    assert Client(track_conversion).post(json=capture(popups[1], "ann@example.com", visitor_id=visitor)).ok
    for asked in ({"visitor_id": visitor}, {"visitor": visitor}, {}, {"visitor_id": visitor, "visitors": "new"}):
        told = {each["popup_id"]: each for each in explained(reader, **asked)}
        assert len(told) == len(popups)
        for popup_id in popups:
            alone = reader.get(f"/popups/{popup_id}/explain", params=asked).json()
            del alone["trigger"]
            assert told[popup_id] == alone | {"name": told[popup_id]["name"]}


def test_the_fifty_first_popup_is_not_served(reader: Client, database: Database, shop: Shop) -> None:
    make_popup(database, shop, name="last", priority=-1)
    for _ in range(50):
        make_popup(database, shop)
    assert reasons(reader)["last"] == "priority"


@pytest.mark.parametrize("percent", [0, 100])
def test_whom_the_shop_holds_out_is_told_so_for_every_popup_and_for_a_draft(
    manage_popups: FunctionProcess, database: Database, percent: int
) -> None:
    shop = make_shop(database, shop_holdout_percent=percent)
    reader = Client(manage_popups, shop.read_key)
    variants = [{"id": "a"}, {"id": "b"}]
    popups = {
        "shown": make_popup(database, shop, name="shown", variants=variants),
        "held out": make_popup(database, shop, name="held out", holdout_percent=100),
        "draft": make_popup(database, shop, name="draft", status="draft", variants=variants),
    }
    told = {each["name"]: each for each in explained(reader, visitor_id="ann")}
    (new,) = explained(reader, visitor_id="ann", popup={"name": "new", "variants": variants})
    alone = {name: reader.get(f"/popups/{id_}/explain?visitor_id=ann").json() for name, id_ in popups.items()}
    is_held_out = percent == 100
    expected = {"shown": None, "held out": "holdout", "draft": "status"}
    if is_held_out:
        expected |= {"shown": "shop_holdout", "held out": "shop_holdout"}
    for said in (told, alone):
        assert {name: said[name]["reason"] for name in popups} == expected
        assert all((each["variant"] == "shop_holdout") is is_held_out for each in said.values())
    assert (new["reason"], new["variant"]) == (("shop_holdout", "shop_holdout") if is_held_out else (None, None))
    assert "shop_holdout" not in new["not_checked"]
    (unknown,) = explained(reader, popup={"name": "new"})
    assert (unknown["reason"], "shop_holdout" in unknown["not_checked"]) == (None, True)


DRAFTS: dict[str, tuple[dict[str, Any], str | None]] = {
    "only a name": ({}, None),
    "whatever its status": ({"status": "paused"}, None),
    "for other pages": (
        {"targeting": {"include_pages": ["https://shop.example/products/*"]}},
        "targeting.include_pages",
    ),
    "not begun": ({"starts_at": "2199-01-01T00:00:00Z"}, "starts_at"),
    "over": ({"ends_at": "2020-01-01T00:00:00Z"}, "ends_at"),
    "for full carts": ({"targeting": {"min_cart_value": "10"}}, "targeting.min_cart_value"),
    "for those who came back": ({"targeting": {"visitors": "returning"}}, "targeting.visitors"),
}


@pytest.mark.parametrize(("draft", "reason"), DRAFTS.values(), ids=DRAFTS)
def test_a_draft_is_explained_as_if_it_were_active_and_stored_nowhere(
    reader: Client, database: Database, shop: Shop, draft: dict[str, Any], reason: str | None
) -> None:
    make_popup(database, shop, name="not asked for")
    (told,) = explained(
        reader, url="/cart", cart_value="9.99", visitor_id="somebody", popup={"name": "A draft", **draft}
    )
    assert (told["popup_id"], told["name"], told["reason"]) == (None, "A draft", reason)
    assert {"holdout", "priority", "frequency.days_after_conversion"} <= set(told["not_checked"])
    assert len(reader.get("/popups").json()["popups"]) == 1


def test_a_draft_is_kept_from_the_pages_of_the_shop_that_none_is_shown_on(reader: Client) -> None:
    (told,) = explained(reader, url="/checkout/pay", popup={"name": "x"})
    assert told["reason"] == "shop.never_on_pages"


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"url": "ftp://x/"}, "url"),
        ({"url": 1}, "url"),
        ({"device_type": ["desktop"]}, "device_type"),
        ({"visitor_id": ""}, "visitor_id"),
        ({"visitor_id": "x" * 65}, "visitor_id"),
        ({"visitor_id": "a", "visitor": "a"}, "visitor"),
        ({"cart_value": "NaN"}, "cart_value"),
        ({"cart_value": True}, "cart_value"),
        ({"cart_value": -1}, "cart_value"),
        ({"cart_items": 1.5}, "cart_items"),
        ({"cart_items": "2"}, "cart_items"),
        ({"colour": "red"}, "colour"),
        ({"popup": {}}, "popup.name"),
        ({"popup": []}, "popup"),
        ({"popup": {"name": "x", "design": {"width": 1}}}, "popup.design.width"),
        ({"popup": {"name": "x", "targeting": {"include_pages": ["/#/"]}}}, "popup.targeting.include_pages.0"),
        ({"popup": {"name": "x", "trigger": {"type": "click"}}}, "popup.trigger.selector"),
    ],
    ids=str,
)
def test_what_cannot_be_explained_is_refused_by_field(reader: Client, asked: dict[str, Any], field: str) -> None:
    assert_problem(reader.post("/explain", asked), 422, "invalid", field)


def test_another_shops_popups_are_not_told_of(reader: Client, database: Database) -> None:
    make_popup(database, make_shop(database))
    assert explained(reader) == []
