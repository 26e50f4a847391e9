"""Crawlers: who is one, that nothing of theirs is stored, and that a merchant sees how many were left out.

tests/vectors/user_agents.json has User-Agents of shoppers' browsers and apps, of programs that report for a shop,
and of crawlers; among the shoppers are the phones and apps whose names or builds look like crawlers'.
"""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from common.web.crawlers import MAX_USER_AGENT_CHARACTERS, kind_of
from tests.support.client import PROMISED_SECONDS, Client
from tests.support.factories import Shop, capture, conversion, make_discount_code, make_popup, purchase, view
from tests.support.proxy import proxy_to
from tests.support.stack import ROOT, Database, FunctionProcess, Stack, eventually

USER_AGENTS: dict[str, list[str]] = json.loads((ROOT / "tests" / "vectors" / "user_agents.json").read_text())
GOOGLEBOT = {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}
CHROME = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142 Safari/537.36"
}


@pytest.fixture
def popup_id(database: Database, shop: Shop) -> str:
    return make_popup(database, shop)


def crawlers_in(reader: Client, popup_id: str) -> tuple[int, int]:
    """Return the number of crawlers' events in the popup's report and in its shop's."""
    return tuple(reader.get(path).json()["crawlers"] for path in (f"/popups/{popup_id}", "/shop"))


# Who is one


def test_no_shoppers_browser_is_a_crawler() -> None:
    assert {agent: kind_of(agent) for agent in USER_AGENTS["shoppers"] if kind_of(agent)} == {}


def test_no_program_that_reports_for_a_shop_is_a_crawler() -> None:
    assert {agent: kind_of(agent) for agent in USER_AGENTS["programs"] if kind_of(agent)} == {}


def test_every_crawler_is_found() -> None:
    assert [agent for agent in USER_AGENTS["crawlers"] if not kind_of(agent)] == []


@pytest.mark.parametrize(
    ("agent", "is_one"),
    [
        ("Mozilla/5.0 (Linux; Android 15; CPH2557 Build/AP3A.240617.008; wv) Chrome/142 Mobile Safari/537.36", False),
        ("Mozilla/5.0 (Linux; Android 15; CPH2557 Build/AP3A.240617.008; wv) Chrome/142 (compatible; Xbot/1)", True),
        ("Mozilla/5.0 (Linux; Android 4.3; ViewSonic A8+) AppleWebKit/534.30 (KHTML, like Gecko)", False),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Sonic/1.0", True),
        ("Mozilla/5.0 (Linux; Android 10; CUBOT J9) AppleWebKit/537.36 (KHTML, like Gecko)", False),
        ("Mozilla/5.0 (Linux; Android 10; K; Cybot/9) AppleWebKit/537.36 (KHTML, like Gecko)", True),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) abotanist/1", False),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) Mobile/15E148 [FBAN/FBIOS;FBCR/Googlebot]", False),
        ("WhatsApp/2.23.20.0", True),
        (
            "Mozilla/5.0 (Windows NT 6.2) AppleWebKit/537.36 (KHTML, like Gecko) WhatsAppElectron/1.0.3 Safari/537.36",
            False,
        ),
        ("x" * 10_000, False),
    ],
)
def test_a_name_counts_as_a_whole_word_and_not_where_phones_have_theirs(agent: str, is_one: bool) -> None:
    assert (kind_of(agent[:MAX_USER_AGENT_CHARACTERS]) is not None) is is_one


# What becomes of what they send


def test_a_crawlers_conversion_is_answered_with_an_id_and_stored_nowhere(
    track_conversion: FunctionProcess, database: Database, shop: Shop
) -> None:
    pool = make_discount_code(database, shop, codes=["ONE"])
    popup_id = make_popup(database, shop, offer={"type": "discount", "discount_code_id": pool})
    events = [
        conversion(popup_id),
        capture(popup_id, "bot@example.com", consent=True, consent_text="Yes"),
        purchase(popup_id, "order-1"),
        conversion(popup_id, "discount_code_used", discount_code="ONE"),
    ]
    for event in events:
        answer = Client(track_conversion).post(json=event, headers=GOOGLEBOT)
        assert (answer.status_code, answer.json()) == (201, {"conversion_id": event["event_id"]})
    without_id = Client(track_conversion).post(json={**conversion(popup_id), "event_id": None}, headers=GOOGLEBOT)
    assert uuid.UUID(without_id.json()["conversion_id"])
    tables = ("popup_conversions", "purchases", "email_subscribers", "email_consents", "daily_conversions")
    for table in tables:
        assert database.value(f"SELECT count(*) FROM {table} WHERE shop_id = :id", id=shop.id) == 0, table
    assert database.value("SELECT claimed_by FROM single_use_codes WHERE shop_id = :id", id=shop.id) is None
    # Nor does it stand in the way of the shopper who sends the same.
    answer = Client(track_conversion).post(json=events[0], headers=CHROME)
    assert (answer.status_code, answer.json()["discount_code"]["code"]) == (201, "ONE")


def test_a_malformed_conversion_of_a_crawler_is_refused_like_anybodys(track_conversion: FunctionProcess) -> None:
    assert Client(track_conversion).post(json={"popup_id": 1}, headers=GOOGLEBOT).status_code == 422


def test_stats_say_how_many_events_of_crawlers_were_left_out(
    reader: Client, track_view: FunctionProcess, track_conversion: FunctionProcess, database: Database, shop: Shop,
    popup_id: str,
) -> None:  # fmt: skip
    other = make_popup(database, shop)
    assert crawlers_in(reader, popup_id) == (0, 0)
    views = [view(popup_id), view(popup_id), view(other), view(str(uuid.uuid4()))]
    assert Client(track_view).post(json={"events": views}, headers=GOOGLEBOT).json() == {"accepted": 4}
    eventually(lambda: crawlers_in(reader, popup_id) == (2, 3), seconds=PROMISED_SECONDS)
    assert Client(track_view).post(json=view(popup_id), headers=GOOGLEBOT).status_code == 202
    assert Client(track_conversion).post(json=conversion(popup_id), headers=GOOGLEBOT).status_code == 201
    eventually(lambda: crawlers_in(reader, popup_id) == (4, 5), seconds=PROMISED_SECONDS)
    report = reader.get(f"/popups/{popup_id}").json()
    assert (report["views"], report["conversions"]) == (0, 0)
    assert reader.get(f"/popups/{popup_id}?from=2020-01-01&to=2020-01-31").json()["crawlers"] == 0


def test_a_flood_of_crawlers_fills_no_table(track_view: FunctionProcess, database: Database, popup_id: str) -> None:
    rows = "SELECT count(*) FROM daily_crawlers"
    before = database.value(rows)

    def send(_: int) -> int:
        events = [view(str(uuid.uuid4())) for _ in range(49)] + [view(popup_id)]
        return Client(track_view).post(json={"events": events}, headers=GOOGLEBOT).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(send, range(80))) == {202}
    assert database.value(rows) == before + 1
    assert database.value("SELECT events FROM daily_crawlers WHERE popup_id = :id", id=popup_id) == 80


def test_while_the_database_is_away_a_crawler_is_answered_and_not_counted(stack: Stack, popup_id: str) -> None:
    with proxy_to(stack.postgres.port) as proxy:
        url = stack.database_url.replace(str(stack.postgres.port), str(proxy.port))
        away: dict[str, Any] = {"DATABASE_URL": url, "DB_CONNECTION_TIMEOUT": "500"}
        functions = {name: stack.start_function(name, **away) for name in ("track_view", "track_conversion")}
        proxy.refuse()
        assert Client(functions["track_view"]).post(json=view(popup_id), headers=GOOGLEBOT).status_code == 202
        answer = Client(functions["track_conversion"]).post(json=conversion(popup_id), headers=GOOGLEBOT)
        assert answer.status_code == 201
        for function in functions.values():
            function.stop()


def test_a_deleted_popups_crawlers_go_with_it(database: Database, shop: Shop, popup_id: str) -> None:
    database("INSERT INTO daily_crawlers VALUES (:shop, :popup, current_date, 5)", shop=shop.id, popup=popup_id)
    database("DELETE FROM popups WHERE shop_id = :shop AND id = :popup", shop=shop.id, popup=popup_id)
    assert database.value("SELECT count(*) FROM daily_crawlers WHERE popup_id = :id", id=popup_id) == 0
