"""track_view: what is accepted, what is refused, and what is kept of it."""

import datetime
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import requests

from common.logs import LABELS
from tests.support.factories import make_popup, make_shop, uuid7, view
from tests.support.proxy import proxy_to
from tests.support.stack import Database, FunctionProcess, Stack, eventually
from tests.support.tracking import assert_tallies_equal_events, send, send_each, stored_views, tallied_views

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
GPTBOT = "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; GPTBot/1.1; +https://openai.com/gptbot"

UNLISTABLE_ORIGINS = {
    "longer than any shop's": b"https://" + b"a" * 293,
    "the longest that a browser can send": b"https://" + b"a" * 60_000,
    "no ASCII": b"https://caf\xe9.example",
}


@pytest.fixture(scope="module")
def shop_id(database: Database) -> str:
    return make_shop(database).id


@pytest.fixture
def popup_id(database: Database, shop_id: str) -> str:
    return make_popup(database, shop_id)


def stored(database: Database, event_id: str) -> list[dict[str, Any]]:
    return database("SELECT * FROM popup_views WHERE event_id = :id", id=event_id)


def test_a_view_is_stored_with_all_it_says(
    track_view: FunctionProcess, database: Database, shop_id: str, popup_id: str
) -> None:
    said = view(
        popup_id,
        visitor_id="browser-1",
        device_type="mobile",
        page_url="https://shop.example/products/1?a=ü",
        referrer="https://search.example/",
    )
    answer = send(track_view, said)
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1})
    (row,) = stored(database, said["event_id"])
    assert {name: str(row[name]) for name in said} == said
    assert (row["shop_id"], row["variant_id"]) == (shop_id, None)


def test_when_a_view_was_is_told_by_the_servers_clock(
    track_view: FunctionProcess, database: Database, popup_id: str
) -> None:
    last_year = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=365)
    said = view(popup_id, event_id=uuid7(last_year), viewed_at="2001-01-01T00:00:00Z")
    before = database.value("SELECT now()")
    assert send(track_view, said).status_code == 202
    (row,) = database("SELECT viewed_at FROM popup_views WHERE popup_id = :id", id=popup_id)
    assert before <= row["viewed_at"] <= database.value("SELECT now()")


def test_a_list_is_answered_with_how_many_were_accepted(
    track_view: FunctionProcess, database: Database, popup_id: str
) -> None:
    answer = send(track_view, {"events": [view(popup_id) for _ in range(50)]})
    assert (answer.status_code, answer.json()) == (202, {"accepted": 50})
    assert stored_views(database, popup_id) == tallied_views(database, popup_id) == 50


@pytest.mark.parametrize("count", [0, 51])
def test_a_list_has_1_to_50_events(track_view: FunctionProcess, database: Database, popup_id: str, count: int) -> None:
    answer = send(track_view, {"events": [view(popup_id) for _ in range(count)]})
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == ["events"]
    assert stored_views(database, popup_id) == 0


def test_one_event_of_a_list_that_is_malformed_refuses_the_list_and_names_it(
    track_view: FunctionProcess, database: Database, popup_id: str
) -> None:
    answer = send(track_view, {"events": [view(popup_id), view(popup_id, session_id=7)]})
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == ["events.1.session_id"]
    assert stored_views(database, popup_id) == 0


def test_what_send_beacon_sends_as_text_is_read_as_json(
    track_view: FunctionProcess, database: Database, popup_id: str
) -> None:
    body = json.dumps(view(popup_id)).encode()
    answer = requests.post(track_view.url, data=body, headers={"Content-Type": "text/plain;charset=UTF-8"}, timeout=10)
    assert answer.status_code == 202
    assert stored_views(database, popup_id) == 1


def test_a_view_without_an_event_id_gets_one_of_version_7(
    track_view: FunctionProcess, database: Database, popup_id: str
) -> None:
    said = {"popup_id": popup_id, "session_id": "s"}
    for _ in range(2):
        assert send(track_view, said).status_code == 202
    ids = [row["event_id"] for row in database("SELECT event_id FROM popup_views WHERE popup_id = :id", id=popup_id)]
    assert [event_id.version for event_id in ids] == [7, 7]


def test_fields_that_nobody_knows_are_ignored(track_view: FunctionProcess, popup_id: str) -> None:
    assert send(track_view, view(popup_id, colour="red", viewed_by={"a": [1]})).status_code == 202


def test_an_address_that_is_too_long_is_cut_and_the_view_counts(
    track_view: FunctionProcess, database: Database, popup_id: str
) -> None:
    said = view(popup_id, page_url="https://shop.example/" + "a" * 5000)
    assert send(track_view, said).status_code == 202
    assert stored(database, said["event_id"])[0]["page_url"] == said["page_url"][:2048]


def test_a_popup_that_does_not_exist_is_404(track_view: FunctionProcess) -> None:
    answer = send(track_view, view(str(uuid.uuid4())))
    assert (answer.status_code, answer.json()["code"]) == (404, "popup_not_found")


def test_a_deleted_popup_is_404_and_gets_no_views(
    track_view: FunctionProcess, database: Database, popup_id: str
) -> None:
    database("UPDATE popups SET deleted_at = now() WHERE id = :id", id=popup_id)
    assert send(track_view, view(popup_id)).status_code == 404
    assert stored_views(database, popup_id) == tallied_views(database, popup_id) == 0


def test_a_paused_popup_still_gets_the_views_of_pages_that_were_open(
    track_view: FunctionProcess, database: Database, popup_id: str
) -> None:
    database("UPDATE popups SET status = 'paused' WHERE id = :id", id=popup_id)
    assert send(track_view, view(popup_id)).status_code == 202
    assert stored_views(database, popup_id) == 1


def test_in_a_list_events_of_unknown_popups_are_left_out_and_named_by_their_index(
    track_view: FunctionProcess, database: Database, popup_id: str
) -> None:
    events = [view(str(uuid.uuid4())), view(popup_id), view(str(uuid.uuid4())), view(popup_id)]
    answer = send(track_view, {"events": events})
    assert answer.status_code == 202
    rejected = [{"index": 0, "code": "popup_not_found"}, {"index": 2, "code": "popup_not_found"}]
    assert answer.json() == {"accepted": 2, "rejected": rejected}
    assert stored_views(database, popup_id) == 2


def test_a_list_may_be_about_popups_of_several_shops(
    track_view: FunctionProcess, database: Database, popup_id: str
) -> None:
    other_shop = make_shop(database, time_zone="Pacific/Kiritimati").id
    other_popup = make_popup(database, other_shop)
    assert send(track_view, {"events": [view(popup_id), view(other_popup), view(popup_id)]}).json() == {"accepted": 3}
    assert (stored_views(database, popup_id), stored_views(database, other_popup)) == (2, 1)
    assert_tallies_equal_events(database, other_shop)


class TestVariants:
    @pytest.fixture
    def popup_id(self, database: Database, shop_id: str) -> str:
        return make_popup(database, shop_id, variants=[{"id": "a"}, {"id": "b"}], holdout_percent=10)

    @pytest.mark.parametrize(("said", "kept"), [("a", "a"), ("holdout", "holdout"), ("zzz", None), (None, None)])
    def test_a_variant_is_kept_when_the_popup_has_it(
        self, track_view: FunctionProcess, database: Database, popup_id: str, said: str | None, kept: str | None
    ) -> None:
        event = view(popup_id, variant_id=said)
        assert send(track_view, event).status_code == 202
        assert stored(database, event["event_id"])[0]["variant_id"] == kept

    def test_whoever_was_in_the_holdout_and_is_shown_the_popup_later_is_a_viewer_of_both(
        self, track_view: FunctionProcess, database: Database, popup_id: str
    ) -> None:
        for variant in ("holdout", "a", "holdout", "b"):
            send(track_view, view(popup_id, variant_id=variant, visitor_id="v"))
        tallies = database("SELECT variant_id, viewers FROM daily_views WHERE popup_id = :id", id=popup_id)
        assert {row["variant_id"]: row["viewers"] for row in tallies} == {"holdout": 1, "a": 1, "b": 0}


class TestOrigins:
    """A shop that lists its origins."""

    @pytest.fixture
    def popup_id(self, database: Database) -> str:
        return make_popup(database, make_shop(database, allowed_origins=["https://shop.example"]))

    def test_an_origin_of_the_shop_may_report(self, track_view: FunctionProcess, popup_id: str) -> None:
        assert send(track_view, view(popup_id), Origin="https://shop.example").status_code == 202

    @pytest.mark.parametrize("origin", ["https://evil.example", "http://shop.example", "null"])
    @pytest.mark.parametrize("as_list", [False, True])
    def test_another_origin_is_403(
        self, track_view: FunctionProcess, database: Database, popup_id: str, origin: str, as_list: bool
    ) -> None:
        event = view(popup_id)
        answer = send(track_view, {"events": [event]} if as_list else event, Origin=origin)
        assert (answer.status_code, answer.json()["code"]) == (403, "origin_not_allowed")
        assert stored_views(database, popup_id) == 0

    @pytest.mark.parametrize("origin", UNLISTABLE_ORIGINS.values(), ids=UNLISTABLE_ORIGINS)
    def test_an_origin_that_no_shop_can_list_is_403_where_the_shop_lists_any(
        self, track_view: FunctionProcess, database: Database, shop_id: str, popup_id: str, origin: bytes
    ) -> None:
        events = [view(popup_id), view(make_popup(database, shop_id))]
        answers = [
            requests.post(track_view.url, json=event, headers={"Origin": origin}, timeout=30) for event in events
        ]
        assert [answer.status_code for answer in answers] == [403, 202]

    def test_a_long_origin_costs_the_database_nothing(
        self, stack: Stack, start_function: Callable[..., FunctionProcess], database: Database, shop_id: str
    ) -> None:
        events = [view(make_popup(database, shop_id)) for _ in range(50)]
        with proxy_to(stack.postgres.port) as proxy:
            url = stack.database_url.replace(f":{stack.postgres.port}", f":{proxy.port}")
            function = start_function("track_view", DATABASE_URL=url, DB_POOL_MIN="1")
            sent = []
            for origin in ("https://a.example", "https://a.example", "x" * 60_000):
                proxy.reset()
                assert send(function, {"events": events}, Origin=origin).json() == {"accepted": 50}
                sent.append(proxy.bytes_sent)
        assert sent[2] <= sent[1]

    def test_a_request_without_an_origin_is_from_no_page_and_may_report(
        self, track_view: FunctionProcess, popup_id: str
    ) -> None:
        assert send(track_view, view(popup_id)).status_code == 202

    def test_a_list_of_which_nothing_is_taken_is_403_where_an_origin_is_among_the_reasons(
        self, track_view: FunctionProcess, popup_id: str
    ) -> None:
        events = [view(popup_id), view(str(uuid.uuid4()))]
        answer = send(track_view, {"events": events}, Origin="https://evil.example")
        assert (answer.status_code, answer.json()["code"]) == (403, "origin_not_allowed")

    def test_in_a_list_only_the_events_of_shops_that_know_the_origin_are_taken(
        self, track_view: FunctionProcess, database: Database, shop_id: str, popup_id: str
    ) -> None:
        open_popup = make_popup(database, shop_id)
        answer = send(track_view, {"events": [view(popup_id), view(open_popup)]}, Origin="https://evil.example")
        assert answer.json() == {"accepted": 1, "rejected": [{"index": 0, "code": "origin_not_allowed"}]}
        assert (stored_views(database, popup_id), stored_views(database, open_popup)) == (0, 1)


class TestCrawlers:
    @pytest.mark.parametrize("user_agent", [GOOGLEBOT, GPTBOT])
    def test_a_crawler_gets_the_same_answer_and_is_not_counted(
        self, track_view: FunctionProcess, database: Database, popup_id: str, user_agent: str
    ) -> None:
        person = send(track_view, {"events": [view(popup_id)] * 2}, User_Agent=CHROME)
        crawler = send(track_view, {"events": [view(popup_id)] * 2}, User_Agent=user_agent)
        assert (crawler.status_code, crawler.json()) == (person.status_code, person.json())
        assert stored_views(database, popup_id) == tallied_views(database, popup_id) == 1

    def test_the_log_line_says_which_kind_of_crawler_it_was(self, track_view: FunctionProcess, popup_id: str) -> None:
        def logged(request_id: str) -> list[Any]:
            lines = [line for line in track_view.log_lines() if line[LABELS]["request_id"] == request_id]
            return [line.get("crawler") for line in lines]

        request_ids = [
            send(track_view, view(popup_id), User_Agent=user_agent).headers["X-Request-Id"]
            for user_agent in (GOOGLEBOT, GPTBOT, CHROME)
        ]
        kinds = [eventually(lambda request_id=request_id: logged(request_id))[0] for request_id in request_ids]
        assert kinds[0] == "search-engine"
        assert kinds[1] not in (None, kinds[0])
        assert kinds[2] is None

    def test_a_crawlers_malformed_view_is_refused_like_anybodys(self, track_view: FunctionProcess) -> None:
        assert send(track_view, {"popup_id": 1}, User_Agent=GOOGLEBOT).status_code == 422


class TestViewLimit:
    def shown(self, function: FunctionProcess, shop_id: str) -> list[str]:
        answer = requests.get(function.url, params={"shop_id": shop_id}, timeout=10)
        return [popup["id"] for popup in answer.json()["popups"]]

    def test_a_popup_is_gone_two_seconds_after_the_flush_that_reached_its_limit(
        self, track_view: FunctionProcess, get_active_popups: FunctionProcess, database: Database
    ) -> None:
        shop_id = make_shop(database).id
        popup_id = make_popup(database, shop_id, view_limit=10)
        send(track_view, {"events": [view(popup_id) for _ in range(9)]})
        assert self.shown(get_active_popups, shop_id) == [popup_id]
        send(track_view, view(popup_id))
        eventually(lambda: self.shown(get_active_popups, shop_id) == [], seconds=2)

    def test_it_is_gone_too_when_two_instances_reach_the_limit_together(
        self,
        track_view: FunctionProcess,
        get_active_popups: FunctionProcess,
        start_function: Callable[..., FunctionProcess],
        database: Database,
    ) -> None:
        shops = [make_shop(database).id for _ in range(10)]
        popups = {shop_id: make_popup(database, shop_id, view_limit=100) for shop_id in shops}
        assert all(self.shown(get_active_popups, shop_id) == [popup_id] for shop_id, popup_id in popups.items())
        other_instance = start_function("track_view")
        for popup_id in popups.values():
            halves = [{"events": [view(popup_id) for _ in range(50)]} for _ in range(2)]
            send_each(zip((track_view, other_instance), halves, strict=True))
        eventually(lambda: not any(self.shown(get_active_popups, shop_id) for shop_id in shops), seconds=2)

    def test_the_holdout_and_repeated_events_use_up_nothing_of_the_limit(
        self, track_view: FunctionProcess, get_active_popups: FunctionProcess, database: Database
    ) -> None:
        shop_id = make_shop(database).id
        popup_id = make_popup(database, shop_id, view_limit=3)
        seen = view(popup_id)
        send(track_view, {"events": [view(popup_id, variant_id="holdout") for _ in range(10)] + [seen] * 10})
        assert self.shown(get_active_popups, shop_id) == [popup_id]
        assert_tallies_equal_events(database, shop_id)
