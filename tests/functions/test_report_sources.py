"""Where a popup was seen: pages, referrers, campaigns and hours, of a bounded number of its newest views."""

from typing import Any

import pytest

from functions.stats.sources import KINDS, MAX_LISTED, MAX_VIEWS
from tests.support.client import PROMISED_SECONDS, Client, assert_problem
from tests.support.factories import Shop, make_popup, make_shop, view
from tests.support.stack import Database, FunctionProcess, eventually


@pytest.fixture
def popup_id(database: Database, shop: Shop) -> str:
    return make_popup(database, shop)


@pytest.fixture
def sources(stats: FunctionProcess, shop: Shop, popup_id: str) -> Any:
    reader = Client(stats, shop.read_key)
    return lambda query="": reader.get(f"/popups/{popup_id}/sources{query}").json()


def send(function: FunctionProcess, *events: dict[str, Any]) -> None:
    for event in events:
        assert Client(function).post(json=event).status_code == 202


def test_pages_referrers_and_campaigns_are_told_most_frequent_first(
    sources: Any, popup_id: str, track_view: FunctionProcess
) -> None:
    page = "https://shop.example/products/fern"
    send(
        track_view,
        view(
            popup_id,
            page_url=f"{page}?utm_source=news&utm_medium=e-mail#top",
            referrer="https://www.google.com/search?q=x",
        ),
        view(popup_id, page_url=f"{page}?a=1&utm_source=news&utm_campaign=", referrer="https://www.google.com/"),
        view(popup_id, page_url="https://shop.example", referrer="android-app://x"),
        view(popup_id, page_url="/cart?utm_campaign=summer"),
        view(popup_id),
        view(popup_id, variant_id="holdout", page_url=page),
    )
    told = sources()
    assert (told["views_read"], told["is_complete"]) == (5, True)
    shown = {kind: [(each["name"], each["views"]) for each in told[kind]] for kind in KINDS}
    assert shown == {
        "pages": [("/products/fern", 2), ("/", 1), ("/cart", 1)],
        "referrers": [("www.google.com", 2)],
        "utm_sources": [("news", 2)],
        "utm_mediums": [("e-mail", 1)],
        "utm_campaigns": [("summer", 1)],
    }


def test_what_is_not_listed_is_told_together(sources: Any, popup_id: str, track_view: FunctionProcess) -> None:
    send(track_view, *(view(popup_id, page_url=f"/page-{number:02}") for number in range(MAX_LISTED + 3)))
    pages = sources()["pages"]
    assert len(pages) == MAX_LISTED + 1
    assert pages[-1] == {"name": None, "views": 3}


def test_no_more_than_the_newest_views_are_read(sources: Any, popup_id: str, shop: Shop, database: Database) -> None:
    database(
        "INSERT INTO popup_views (event_id, shop_id, popup_id, session_id, page_url, viewed_at)"
        " SELECT new_event_id(now()), :shop, :popup, 's', CASE WHEN number > :most THEN '/older' ELSE '/newer' END,"
        " now() - number * interval '1 millisecond' FROM generate_series(1, :most::integer + 5) AS number",
        shop=shop.id,
        popup=popup_id,
        most=MAX_VIEWS,
    )
    database(
        "INSERT INTO daily_views SELECT :shop, :popup, (now() AT TIME ZONE 'UTC')::date, '', '', :views, 1",
        shop=shop.id,
        popup=popup_id,
        views=MAX_VIEWS + 5,
    )
    told = sources()
    assert (told["views"], told["views_read"], told["is_complete"]) == (MAX_VIEWS + 5, MAX_VIEWS, False)
    assert told["pages"] == [{"name": "/newer", "views": MAX_VIEWS}]


def test_hours_are_those_of_today_in_the_shop(
    stats: FunctionProcess, track_view: FunctionProcess, database: Database
) -> None:
    shop = make_shop(database, time_zone="Asia/Kathmandu")
    popup_id = make_popup(database, shop)
    reader = Client(stats, shop.read_key)
    path = f"/popups/{popup_id}/sources"
    assert sum(each["views"] for each in reader.get(path).json()["hours_of_today"]) == 0
    send(track_view, view(popup_id))
    hour = database.value(
        "SELECT extract(hour FROM viewed_at AT TIME ZONE 'Asia/Kathmandu')::integer FROM popup_views"
        " WHERE popup_id = :id",
        id=popup_id,
    )

    def told() -> bool:
        hours = {each["hour"]: each["views"] for each in reader.get(path).json()["hours_of_today"]}
        return len(hours) == 24 and {name for name, views in hours.items() if views} == {hour}

    eventually(told, seconds=PROMISED_SECONDS)


def test_another_period_has_other_views(sources: Any, popup_id: str, track_view: FunctionProcess) -> None:
    send(track_view, view(popup_id, page_url="/"))
    assert sources()["pages"] == [{"name": "/", "views": 1}]
    for period in ("from=2020-01-01&to=2020-01-31", "to=2020-01-31", "from=2099-01-01"):
        assert sources(f"?{period}")["pages"] == [], period


def test_another_shops_popup_is_not_found(stats: FunctionProcess, database: Database, popup_id: str) -> None:
    stranger = Client(stats, make_shop(database).read_key)
    assert_problem(stranger.get(f"/popups/{popup_id}/sources"), 404, "popup_not_found")
