"""manage_popups, the popups: made, read, listed, changed, copied, deleted, and what of them is refused."""

import re
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain, islice
from typing import Any

import pytest
import requests

from tests.support.client import PROMISED_SECONDS, Client, assert_problem
from tests.support.everything import POPUP as FULL
from tests.support.factories import Shop, make_discount_code, make_popup, make_shop, view
from tests.support.stack import Database, FunctionProcess, eventually
from tests.support.tracking import at_once

# The same in every process: it is in the names of tests, which several processes must agree on.
NOBODYS_ID = uuid.UUID("01a20000-0000-7000-8000-000000000000")
RFC_3339_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

DEFAULTS: dict[str, Any] = {
    "description": "",
    "status": "draft",
    "trigger": {"type": "exit_intent", "delay_seconds": 5, "scroll_percentage": 50, "selector": None},
    "design": {
        "heading": "",
        "subheading": "",
        "button_text": "",
        "background_color": "#ffffff",
        "text_color": "#1e293b",
        "button_color": "#4f46e5",
        "image_url": None,
        "layout": "centered",
        "width": 500,
        "border_radius": 12,
        "padding": 32,
    },
    "targeting": {
        "include_pages": [],
        "exclude_pages": [],
        "device_types": ["desktop", "mobile", "tablet"],
        "visitors": "all",
        "referrers": [],
        "utm": {},
    },
    "frequency": {"max_per_session": 1, "days_after_close": 1, "days_after_conversion": 365},
    "offer": {"type": "none", "discount_code_id": None, "consent_text": None},
    "variants": [],
    "holdout_percent": 0,
    "starts_at": None,
    "ends_at": None,
    "priority": 0,
    "view_limit": None,
}


@pytest.fixture(scope="module")
def somebody(manage_popups: FunctionProcess, database: Database) -> Client:
    """Return a client of a shop that many tests share, since all its requests are refused."""
    return Client(manage_popups, make_shop(database).write_key)


def create(merchant: Client, **fields: Any) -> dict[str, Any]:
    answer = merchant.post("/popups", {"name": "A popup", **fields})
    assert answer.status_code == 201, answer.text
    popup: dict[str, Any] = answer.json()
    return popup


def read(merchant: Client, popup: dict[str, Any]) -> dict[str, Any]:
    answer = merchant.get(f"/popups/{popup['id']}")
    assert answer.status_code == 200, answer.text
    current: dict[str, Any] = answer.json()
    return current


def listed(merchant: Client, query: str = "") -> list[str]:
    return [popup["name"] for popup in merchant.get(f"/popups?{query}").json()["popups"]]


# POST /popups


def test_a_popup_with_only_a_name_gets_every_default(merchant: Client) -> None:
    popup = create(merchant, name="Bare")
    assert {name: popup[name] for name in DEFAULTS} == DEFAULTS
    kept = {"view_count": 0, "conversion_count": 0, "is_active": False, "version": 1}
    assert {name: popup[name] for name in kept} == kept
    assert uuid.UUID(popup["id"]).version == 7
    assert RFC_3339_UTC.fullmatch(popup["created_at"])
    assert RFC_3339_UTC.fullmatch(popup["updated_at"])


def test_a_popup_is_read_as_it_was_written(merchant: Client) -> None:
    created = create(merchant, **FULL)
    assert {name: created[name] for name in FULL} == FULL
    assert created["is_active"] is True
    assert read(merchant, created) == created


def test_a_new_popup_answers_with_where_it_is_and_its_etag(merchant: Client) -> None:
    answer = merchant.post("/popups", {"name": "Here"})
    assert answer.headers["Location"] == f"/popups/{answer.json()['id']}"
    found = merchant.get(answer.headers["Location"])
    assert found.json() == answer.json()
    assert found.headers["ETag"] == answer.headers["ETag"]


def test_times_with_an_offset_are_answered_in_utc(merchant: Client) -> None:
    popup = create(merchant, starts_at="2030-01-01T02:00:00+02:00", ends_at="2030-06-30T18:30:00.5-05:30")
    assert (popup["starts_at"], popup["ends_at"]) == ("2030-01-01T00:00:00.000Z", "2030-07-01T00:00:00.500Z")


LIMITS_THAT_HOLD: dict[str, dict[str, Any]] = {
    "the narrowest design": {"design": {"width": 200, "border_radius": 0, "padding": 10}},
    "the widest design": {"design": {"width": 1200, "border_radius": 50, "padding": 100}},
    "a name of 200 characters": {"name": "ü" * 200},
    "all of its own holdout": {"holdout_percent": 100},
    "a view limit of one": {"view_limit": 1},
    "ten variants": {"variants": [{"id": f"v-{n}", "weight": n} for n in range(10)]},
    "the longest page pattern": {"targeting": {"include_pages": ["/" + "x" * 499]}},
}


@pytest.mark.parametrize("fields", LIMITS_THAT_HOLD.values(), ids=LIMITS_THAT_HOLD)
def test_values_at_their_bounds_are_accepted(merchant: Client, fields: dict[str, Any]) -> None:
    create(merchant, **fields)


REFUSED_POPUPS: dict[str, tuple[dict[str, Any], str]] = {
    "no name": ({"name": None}, "name"),
    "an empty name": ({"name": ""}, "name"),
    "a name too long": ({"name": "x" * 201}, "name"),
    "a number for a name": ({"name": 5}, "name"),
    "an unknown field": ({"colour": "red"}, "colour"),
    "an unknown nested field": ({"design": {"font": "serif"}}, "design.font"),
    "a counter that the server keeps": ({"view_count": 5}, "view_count"),
    "an id of one's own": ({"id": str(uuid.uuid4())}, "id"),
    "an unknown status": ({"status": "live"}, "status"),
    "a list for a status": ({"status": ["active"]}, "status"),
    "a list for a trigger": ({"trigger": []}, "trigger"),
    "null for a trigger": ({"trigger": None}, "trigger"),
    "an unknown trigger": ({"trigger": {"type": "hover"}}, "trigger.type"),
    "a click on nothing": ({"trigger": {"type": "click"}}, "trigger.selector"),
    "a negative delay": ({"trigger": {"delay_seconds": -1}}, "trigger.delay_seconds"),
    "a delay in words": ({"trigger": {"delay_seconds": "5"}}, "trigger.delay_seconds"),
    "a fraction of a second": ({"trigger": {"delay_seconds": 0.5}}, "trigger.delay_seconds"),
    "true for a number": ({"trigger": {"delay_seconds": True}}, "trigger.delay_seconds"),
    "a scroll beyond the page": ({"trigger": {"scroll_percentage": 101}}, "trigger.scroll_percentage"),
    "a colour by name": ({"design": {"text_color": "red"}}, "design.text_color"),
    "a colour that ends a line": ({"design": {"text_color": "#ffffff\n"}}, "design.text_color"),
    "a colour that ends the rule": ({"design": {"button_color": "#fff;}"}}, "design.button_color"),
    "an image without TLS": ({"design": {"image_url": "http://x.example/a.png"}}, "design.image_url"),
    "an image that is a script": ({"design": {"image_url": "javascript:alert(1)"}}, "design.image_url"),
    "an image that leaves its attribute": ({"design": {"image_url": 'https://x/" onerror="'}}, "design.image_url"),
    "a layout nobody knows": ({"design": {"layout": "top"}}, "design.layout"),
    "a design too narrow": ({"design": {"width": 199}}, "design.width"),
    "a design too wide": ({"design": {"width": 1201}}, "design.width"),
    "corners too round": ({"design": {"border_radius": 51}}, "design.border_radius"),
    "padding too thin": ({"design": {"padding": 9}}, "design.padding"),
    "padding too thick": ({"design": {"padding": 101}}, "design.padding"),
    "an empty page pattern": ({"targeting": {"include_pages": [""]}}, "targeting.include_pages.0"),
    "a number among patterns": ({"targeting": {"exclude_pages": ["/a", 1]}}, "targeting.exclude_pages.1"),
    "too many patterns": ({"targeting": {"include_pages": ["/a"] * 51}}, "targeting.include_pages"),
    "an unknown device": ({"targeting": {"device_types": ["watch"]}}, "targeting.device_types.0"),
    "no device at all": ({"targeting": {"device_types": []}}, "targeting.device_types"),
    "unknown visitors": ({"targeting": {"visitors": "some"}}, "targeting.visitors"),
    "an unknown utm parameter": ({"targeting": {"utm": {"colour": "x"}}}, "targeting.utm.colour.key"),
    "no popup in a session": ({"frequency": {"max_per_session": 0}}, "frequency.max_per_session"),
    "a negative clock": ({"frequency": {"days_after_close": -1}}, "frequency.days_after_close"),
    "an unknown offer": ({"offer": {"type": "money"}}, "offer.type"),
    "a discount code without its id": ({"offer": {"discount_code_id": "SAVE10"}}, "offer.discount_code_id"),
    "a discount code nobody has": ({"offer": {"discount_code_id": str(uuid.uuid4())}}, "offer.discount_code_id"),
    "a variant without an id": ({"variants": [{"name": "a"}]}, "variants.0.id"),
    "two variants of one id": ({"variants": [{"id": "a"}, {"id": "a"}]}, "variants"),
    "a variant called holdout": ({"variants": [{"id": "holdout"}]}, "variants.0.id"),
    "variants that weigh nothing": ({"variants": [{"id": "a", "weight": 0}]}, "variants"),
    "a negative weight": ({"variants": [{"id": "a", "weight": -1}]}, "variants.0.weight"),
    "eleven variants": ({"variants": [{"id": f"v{n}"} for n in range(11)]}, "variants"),
    "a variant's bad design": (
        {"variants": [{"id": "a"}, {"id": "b", "design": {"width": 1}}]},
        "variants.1.design.width",
    ),
    "a variant's bad code": (
        {"variants": [{"id": "a", "offer": {"discount_code_id": str(uuid.uuid4())}}]},
        "variants.0.offer.discount_code_id",
    ),
    "more than all in the holdout": ({"holdout_percent": 101}, "holdout_percent"),
    "a time without an offset": ({"starts_at": "2030-01-01T00:00:00"}, "starts_at"),
    "a day for a time": ({"starts_at": "2030-01-01"}, "starts_at"),
    "a number for a time": ({"ends_at": 1893456000}, "ends_at"),
    "a time beyond the calendar": ({"ends_at": "9999-12-31T23:59:59-12:00"}, "ends_at"),
    "an end before the start": ({"starts_at": "2030-01-02T00:00:00Z", "ends_at": "2030-01-01T00:00:00Z"}, "ends_at"),
    "an end at the start": ({"starts_at": "2030-01-01T00:00:00Z", "ends_at": "2030-01-01T01:00:00+01:00"}, "ends_at"),
    "a priority beyond reason": ({"priority": 1001}, "priority"),
    "a priority of 2 to the 70": ({"priority": 2**70}, "priority"),
    "a view limit of nothing": ({"view_limit": 0}, "view_limit"),
    "a negative view limit": ({"view_limit": -1}, "view_limit"),
    "a view limit beyond 64 bits": ({"view_limit": 10**30}, "view_limit"),
}


@pytest.mark.parametrize(("fields", "path"), REFUSED_POPUPS.values(), ids=REFUSED_POPUPS)
def test_a_popup_that_is_not_acceptable_is_refused_by_field_and_not_kept(
    somebody: Client, fields: dict[str, Any], path: str
) -> None:
    assert_problem(somebody.post("/popups", {"name": "Refused", **fields}), 422, "invalid", path)
    assert listed(somebody) == []


def test_a_refusal_names_every_bad_field_at_once(somebody: Client) -> None:
    fields = {"design": {"width": 1, "layout": "top"}, "variants": [{"id": "A B"}]}
    paths = ("name", "design.width", "design.layout", "variants.0.id")
    assert_problem(somebody.post("/popups", fields), 422, "invalid", *paths)


# GET /popups/{id}


def test_an_unknown_popup_is_not_found(somebody: Client) -> None:
    for id_ in (uuid.uuid4(), uuid.UUID(int=0), uuid.UUID(int=2**128 - 1)):
        assert_problem(somebody.get(f"/popups/{id_}"), 404, "popup_not_found")


@pytest.mark.parametrize("id_", ["1", "not-a-uuid", "%00", "..%2f..%2fetc", "x" * 5000, "%C3%BC", f"{NOBODYS_ID}0"])
def test_an_id_that_is_no_uuid_is_not_found(somebody: Client, id_: str) -> None:
    assert_problem(somebody.get(f"/popups/{id_}"), 404, "not_found")


def test_a_popup_is_found_by_its_id_in_capitals(merchant: Client) -> None:
    popup = create(merchant)
    assert merchant.get(f"/popups/{popup['id'].upper()}").json() == popup


def test_only_the_fields_asked_for_are_answered_and_always_the_id(merchant: Client) -> None:
    popup = create(merchant, **FULL)
    answer = merchant.get(f"/popups/{popup['id']}?fields=name,view_count, version")
    assert answer.json() == {name: popup[name] for name in ("id", "name", "view_count", "version")}
    (shown,) = merchant.get("/popups?fields=status").json()["popups"]
    assert shown == {"id": popup["id"], "status": "active"}


@pytest.mark.parametrize("path", ["/popups", f"/popups/{NOBODYS_ID}"])
@pytest.mark.parametrize(
    "field", ["colour", "shop_id", "deleted_at", "design.heading", "name;DROP TABLE popups", "%00"]
)
def test_fields_that_a_popup_does_not_show_are_refused(somebody: Client, path: str, field: str) -> None:
    assert_problem(somebody.get(f"{path}?fields=name,{field}"), 422, "invalid", "fields")


def test_a_version_that_still_holds_does_not_hide_what_was_counted_since(
    merchant: Client, shop: Shop, database: Database, track_view: FunctionProcess
) -> None:
    path = f"/popups/{(popup_id := make_popup(database, shop))}"
    etag = merchant.get(path).headers["ETag"]
    Client(track_view).post(json=view(popup_id))
    again = merchant.get(path, headers={"If-None-Match": etag})
    assert (again.status_code, again.headers["ETag"], again.json()["view_count"]) == (200, etag, 1)


def test_a_popup_is_deleted_however_many_edit_or_delete_it(merchant: Client) -> None:
    path = f"/popups/{create(merchant)['id']}"
    edits = [partial(merchant.patch, path, {"priority": number}) for number in range(6)]
    answers = at_once([*edits, *[partial(merchant.delete, path)] * 4])
    assert Counter(answer.status_code for answer in answers[6:]) == {204: 1, 404: 3}
    assert merchant.get(path).status_code == 404


def test_counters_count_what_shoppers_did(
    merchant: Client, shop: Shop, track_view: FunctionProcess, database: Database
) -> None:
    popup_id = make_popup(database, shop)
    shown, held_out = view(popup_id), view(popup_id, variant_id="holdout")
    for event in (shown, held_out, shown):
        assert Client(track_view).post(json=event).status_code == 202
    popup = read(merchant, {"id": popup_id})
    assert (popup["view_count"], popup["conversion_count"]) == (1, 0)
    assert merchant.get("/popups").json()["popups"] == [popup]


# GET /popups


def test_popups_are_listed_newest_first(merchant: Client) -> None:
    for name in ("first", "second", "third"):
        create(merchant, name=name)
    answer = merchant.get("/popups").json()
    assert [popup["name"] for popup in answer["popups"]] == ["third", "second", "first"]
    assert answer["next_cursor"] is None


def test_a_list_shows_popups_as_they_are_read_alone(merchant: Client) -> None:
    popup = create(merchant, **FULL)
    assert merchant.get("/popups").json()["popups"] == [popup]


def test_a_list_is_filtered_by_status(merchant: Client, shop: Shop, database: Database) -> None:
    for status in ("draft", "active", "paused", "archived"):
        make_popup(database, shop, name=status, status=status)
    for status in ("draft", "active", "paused", "archived"):
        assert listed(merchant, f"status={status}") == [status]


def pages(merchant: Client, query: str) -> Any:
    """Yield the names on each page; the next page is only requested when the caller goes on."""
    cursor = ""
    while True:
        answer = merchant.get(f"/popups?{query}{cursor}").json()
        yield [popup["name"] for popup in answer["popups"]]
        if answer["next_cursor"] is None:
            return
        cursor = f"&cursor={answer['next_cursor']}"


SEARCHES: dict[str, tuple[str, list[str]]] = {
    "a part": ("mmer", ["Summer SALE"]),
    "another case": ("SUMMER sale", ["Summer SALE"]),
    "another alphabet": ("ΠΡΟΣΦΟΡΆ", ["Προσφορά"]),
    "a letter that has two small forms": ("\u03ad\u03bb\u03b5\u03bf\u03c2", ["\u0388\u039b\u0395\u039f\u03a3"]),
    "a wide form": ("\uff33\uff35\uff2d", ["Summer SALE"]),
    "a per cent sign": ("%", ["50 % off"]),
    "an underscore": ("_", ["a_b"]),
    "a backslash": ("\\", ["c\\d"]),
    "a space at the end": ("50 ", ["50 % off"]),
    "nothing that is there": ("winter", []),
}


@pytest.mark.parametrize(("text", "found"), SEARCHES.values(), ids=SEARCHES)
def test_a_list_is_searched_by_a_part_of_the_name_in_any_case(
    merchant: Client, shop: Shop, database: Database, text: str, found: list[str]
) -> None:
    for name in ("Summer SALE", "Προσφορά", "\u0388\u039b\u0395\u039f\u03a3", "50 % off", "a_b", "c\\d"):
        make_popup(database, shop, name=name)
    page = merchant.get("/popups", params={"search": text}).json()
    assert [popup["name"] for popup in page["popups"]] == found


def test_a_search_is_paged_with_a_cursor_of_its_own(merchant: Client, shop: Shop, database: Database) -> None:
    for name in ("one", "other", "another"):
        make_popup(database, shop, name=name)
    page = merchant.get("/popups?search=other&limit=1").json()
    assert [popup["name"] for popup in page["popups"]] == ["another"]
    following = f"/popups?limit=1&cursor={page['next_cursor']}"
    assert [popup["name"] for popup in merchant.get(f"{following}&search=other").json()["popups"]] == ["other"]
    assert_problem(merchant.get(f"{following}&search=one"), 422, "invalid", "cursor")


@pytest.mark.parametrize("text", ["", "%00", "x" * 201], ids=["nothing", "NUL", "201 characters"])
def test_a_search_that_no_name_can_match_is_refused(somebody: Client, text: str) -> None:
    assert_problem(somebody.get(f"/popups?search={text}"), 422, "invalid", "search")


def test_pages_hold_the_limit_and_together_everything_once(merchant: Client, shop: Shop, database: Database) -> None:
    names = [f"popup {number}" for number in range(7)]
    for name in names:
        make_popup(database, shop, name=name)
    assert [len(page) for page in pages(merchant, "limit=3")] == [3, 3, 1]
    assert list(chain.from_iterable(pages(merchant, "limit=3"))) == names[::-1]
    assert [len(page) for page in pages(merchant, "limit=7")] == [7]  # a full last page has no successor


def test_pages_without_a_limit_hold_50_and_at_most_100(merchant: Client, shop: Shop, database: Database) -> None:
    for number in range(101):
        make_popup(database, shop, name=str(number))
    assert [len(page) for page in pages(merchant, "")] == [50, 50, 1]
    assert [len(page) for page in pages(merchant, "limit=100")] == [100, 1]


def test_a_cursor_neither_skips_nor_repeats_while_popups_come_and_go(
    merchant: Client, shop: Shop, database: Database
) -> None:
    ids = {name: make_popup(database, shop, name=name) for name in "abcdef"}
    reading = pages(merchant, "limit=2")
    assert next(reading) == ["f", "e"]
    create(merchant, name="newer")
    merchant.delete(f"/popups/{ids['e']}")  # the very popup that the cursor stands on
    assert next(reading) == ["d", "c"]
    merchant.delete(f"/popups/{ids['b']}")
    assert list(reading) == [["a"]]


def test_popups_made_in_the_same_instant_are_all_listed(merchant: Client, shop: Shop, database: Database) -> None:
    for name in "abcde":
        make_popup(database, shop, name=name)
    database("UPDATE popups SET created_at = '2026-01-01 00:00:00.000001Z' WHERE shop_id = :id", id=shop.id)
    assert sorted(chain.from_iterable(pages(merchant, "limit=2"))) == list("abcde")


def test_a_cursor_keeps_the_filter_it_is_sent_with(merchant: Client, shop: Shop, database: Database) -> None:
    for name, status in (("a", "active"), ("b", "draft"), ("c", "active"), ("d", "draft"), ("e", "active")):
        make_popup(database, shop, name=name, status=status)
    assert list(pages(merchant, "status=active&limit=2")) == [["e", "c"], ["a"]]


# PATCH /popups/{id}


def test_a_patch_changes_what_it_names_and_nothing_else(merchant: Client) -> None:
    before = create(merchant, **FULL)
    answer = merchant.patch(f"/popups/{before['id']}", {"name": "Renamed", "priority": 7})
    after = answer.json()
    assert answer.status_code == 200
    assert (after["name"], after["priority"], after["version"]) == ("Renamed", 7, 2)
    changed = {"name", "priority", "version", "updated_at"}
    assert {name: after[name] for name in after if name not in changed} == {
        name: before[name] for name in before if name not in changed
    }
    assert read(merchant, before) == after


def test_a_patch_merges_into_objects_at_any_depth(merchant: Client) -> None:
    popup = create(merchant, **FULL)
    patch = {"design": {"heading": "New"}, "targeting": {"utm": {"campaign": None, "medium": "email"}}}
    after = merchant.patch(f"/popups/{popup['id']}", patch).json()
    assert after["design"] == {**FULL["design"], "heading": "New"}
    assert after["targeting"] == {**FULL["targeting"], "utm": {"source": "newsletter", "medium": "email"}}


def test_a_patch_replaces_lists_whole(merchant: Client) -> None:
    popup = create(merchant, **FULL)
    patch = {"targeting": {"exclude_pages": ["/help"]}, "variants": [{"id": "z"}]}
    after = merchant.patch(f"/popups/{popup['id']}", patch).json()
    assert after["targeting"] == {**FULL["targeting"], "exclude_pages": ["/help"]}
    assert [variant["id"] for variant in after["variants"]] == ["z"]


def test_null_in_a_patch_resets_to_the_default(merchant: Client) -> None:
    popup = create(merchant, **FULL)
    everything = dict.fromkeys(DEFAULTS)
    after = merchant.patch(f"/popups/{popup['id']}", everything).json()
    assert {name: after[name] for name in DEFAULTS} == DEFAULTS
    one_field = merchant.patch(f"/popups/{create(merchant, **FULL)['id']}", {"design": {"width": None}}).json()
    assert one_field["design"] == {**FULL["design"], "width": 500}


def test_a_patch_may_call_itself_a_merge_patch(merchant: Client) -> None:
    popup = create(merchant)
    headers = {"Content-Type": "application/merge-patch+json; charset=utf-8"}
    answer = merchant("PATCH", f"/popups/{popup['id']}", data=b'{"name": "Merged"}', headers=headers)
    assert (answer.status_code, answer.json()["name"]) == (200, "Merged")


REFUSED_PATCHES: dict[str, tuple[Any, str]] = {
    "the name taken away": ({"name": None}, "name"),
    "an unknown field": ({"colour": "red"}, "colour"),
    "the id": ({"id": str(uuid.uuid4())}, "id"),
    "the version": ({"version": 7}, "version"),
    "a bad value deep inside": ({"design": {"width": 1}}, "design.width"),
    "text for an object": ({"design": "big"}, "design"),
    "a list for an object": ({"frequency": [1]}, "frequency"),
    "an end before the start that is there": ({"ends_at": "2025-01-01T00:00:00Z"}, "ends_at"),
    "a click without its selector": ({"trigger": {"selector": None}}, "trigger.selector"),
    "a list": ([{"name": "x"}], ""),
    "text": ("name", ""),
    "a number": (1, ""),
    "true": (True, ""),
}


@pytest.mark.parametrize(("patch", "path"), REFUSED_PATCHES.values(), ids=REFUSED_PATCHES)
def test_a_patch_is_checked_with_what_it_makes_of_the_popup(merchant: Client, patch: Any, path: str) -> None:
    popup = create(merchant, **FULL)
    assert_problem(merchant.patch(f"/popups/{popup['id']}", patch), 422, "invalid", path)
    assert read(merchant, popup) == popup


def test_a_patch_of_null_is_no_patch(merchant: Client) -> None:
    popup = create(merchant)
    headers = {"Content-Type": "application/json"}
    assert_problem(merchant("PATCH", f"/popups/{popup['id']}", data=b"null", headers=headers), 422, "invalid", "")


def test_a_patch_with_the_etag_last_read_is_made(merchant: Client) -> None:
    popup = create(merchant)
    path, etag = f"/popups/{popup['id']}", f'"{popup["version"]}"'
    for number, if_match in enumerate((merchant.get(path).headers["ETag"], "*", '"5", "3"')):
        answer = merchant.patch(path, {"name": str(number)}, headers={"If-Match": if_match})
        assert (answer.status_code, answer.json()["name"]) == (200, str(number))
        assert answer.headers["ETag"] == merchant.get(path).headers["ETag"] != etag


@pytest.mark.parametrize("verb", ["PATCH", "DELETE"])
@pytest.mark.parametrize("if_match", ['"1"', '"0"', '"x", "y"', '"x, *, y"', 'W/"2"', "2", "", "ü"])
def test_a_write_with_a_stale_if_match_changes_nothing(merchant: Client, verb: str, if_match: str) -> None:
    popup = create(merchant)
    path = f"/popups/{popup['id']}"
    current = merchant.patch(path, {"name": "Second version"})
    body = {"name": "Lost update"} if verb == "PATCH" else None
    answer = merchant(verb, path, json=body, headers={"If-Match": if_match.encode()})  # type: ignore[dict-item]
    assert_problem(answer, 412, "stale_version")
    assert answer.headers["ETag"] == current.headers["ETag"]
    assert read(merchant, popup) == current.json()


def test_edits_of_different_fields_at_once_are_all_kept(merchant: Client) -> None:
    popup = create(merchant)
    patches: list[dict[str, Any]] = [{"name": "n"}, {"description": "d"}, {"priority": 9}, {"design": {"width": 300}}]
    with ThreadPoolExecutor(len(patches)) as pool:
        answers = list(pool.map(lambda patch: merchant.patch(f"/popups/{popup['id']}", patch), patches))
    assert [answer.status_code for answer in answers] == [200] * 4
    after = read(merchant, popup)
    assert (after["name"], after["description"], after["priority"], after["design"]["width"]) == ("n", "d", 9, 300)
    assert sorted(answer.json()["version"] for answer in answers) == [2, 3, 4, 5]


def test_of_two_edits_at_once_with_the_same_if_match_one_is_made(merchant: Client) -> None:
    popup = create(merchant)

    def rename(name: str) -> requests.Response:
        return merchant.patch(f"/popups/{popup['id']}", {"name": name}, headers={"If-Match": '"1"'})

    with ThreadPoolExecutor(4) as pool:
        answers = dict(zip("abcd", pool.map(rename, "abcd"), strict=True))
    made = [name for name, answer in answers.items() if answer.status_code == 200]
    assert sorted(answer.status_code for answer in answers.values()) == [200, 412, 412, 412]
    assert read(merchant, popup)["name"] == made[0]


# DELETE /popups/{id}


def test_a_deleted_popup_is_gone_for_everyone_at_once(
    merchant: Client,
    shop: Shop,
    get_active_popups: FunctionProcess,
    track_view: FunctionProcess,
    track_conversion: FunctionProcess,
    stats: FunctionProcess,
) -> None:
    popup = create(merchant, status="active")
    path = f"/popups/{popup['id']}"
    storefront = Client(get_active_popups)
    # Without a view: one would keep the report in the cache for a moment only.
    assert Client(stats, shop.read_key).get(path).json()["views"] == 0
    assert len(storefront.get(f"/?shop_id={shop.id}").json()["popups"]) == 1
    answer = merchant.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    for again in (merchant.get(path), merchant.patch(path, {"name": "x"}), merchant.delete(path)):
        assert_problem(again, 404, "popup_not_found")
    assert_problem(merchant.post(f"{path}/duplicate"), 404, "popup_not_found")
    assert listed(merchant) == []
    assert_problem(Client(track_view).post(json=view(popup["id"])), 404, "popup_not_found")
    assert_problem(Client(track_conversion).post(json=view(popup["id"], type="click")), 404, "popup_not_found")
    eventually(lambda: Client(stats, shop.read_key).get(path).status_code == 404, seconds=PROMISED_SECONDS)
    eventually(lambda: storefront.get(f"/?shop_id={shop.id}").json()["popups"] == [], seconds=PROMISED_SECONDS)


# POST /popups/{id}/duplicate


def test_a_duplicate_is_a_draft_of_its_own(merchant: Client, track_view: FunctionProcess) -> None:
    original = create(merchant, **FULL)
    assert Client(track_view).post(json=view(original["id"])).status_code == 202
    answer = merchant.post(f"/popups/{original['id']}/duplicate")
    copy = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/popups/{copy['id']}"
    assert copy["id"] != original["id"]
    assert (copy["status"], copy["is_active"], copy["version"], copy["view_count"]) == ("draft", False, 1, 0)
    assert copy["name"] == "Summer exit (copy)"
    same = FULL.keys() - {"name", "status"}
    assert {name: copy[name] for name in same} == {name: original[name] for name in same}
    merchant.patch(f"/popups/{copy['id']}", {"name": "Changed"})
    assert read(merchant, original)["name"] == "Summer exit"


def test_a_duplicate_of_the_longest_name_is_still_a_popup(merchant: Client) -> None:
    original = create(merchant, name="n" * 200)
    copy = merchant.post(f"/popups/{original['id']}/duplicate").json()
    assert len(copy["name"]) <= 200
    assert copy["name"].endswith("(copy)")
    assert merchant.patch(f"/popups/{copy['id']}", {"priority": 1}).status_code == 200


# Idempotency-Key


def test_the_same_post_with_the_same_idempotency_key_makes_one_popup(merchant: Client) -> None:
    headers = {"Idempotency-Key": "order-1"}
    first, second = (merchant.post("/popups", {"name": "Once"}, headers=headers) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == first.json()
    for name in ("Location", "ETag", "Content-Type"):
        assert second.headers[name] == first.headers[name]
    assert listed(merchant) == ["Once"]


def test_an_idempotency_key_with_another_body_is_a_conflict_that_makes_nothing(merchant: Client) -> None:
    headers = {"Idempotency-Key": "key"}
    popup = merchant.post("/popups", {"name": "First"}, headers=headers).json()
    other = merchant.post("/popups", {"name": "Other"}, headers=headers)
    assert_problem(other, 409, "idempotency_key_reused")
    elsewhere = merchant.post(f"/popups/{popup['id']}/duplicate", headers=headers)
    assert_problem(elsewhere, 409, "idempotency_key_reused")
    assert listed(merchant) == ["First"]


def test_posts_at_once_with_one_idempotency_key_make_one_popup_and_answer_alike(merchant: Client) -> None:
    def post(_: int) -> requests.Response:
        return merchant.post("/popups", {"name": "Once"}, headers={"Idempotency-Key": "race"})

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert listed(merchant) == ["Once"]


def test_a_refused_post_does_not_use_up_its_idempotency_key(merchant: Client) -> None:
    headers = {"Idempotency-Key": "try-again"}
    fields = {"name": "Fixed", "offer": {"discount_code_id": str(uuid.uuid4())}}  # found out in the transaction
    assert_problem(merchant.post("/popups", fields, headers=headers), 422)
    assert merchant.post("/popups", {"name": "Fixed"}, headers=headers).status_code == 201


def test_an_idempotency_key_is_each_shops_own(
    merchant: Client, manage_popups: FunctionProcess, database: Database
) -> None:
    neighbour = Client(manage_popups, make_shop(database).write_key)
    headers = {"Idempotency-Key": "popular"}
    ours = merchant.post("/popups", {"name": "Same"}, headers=headers).json()
    theirs = neighbour.post("/popups", {"name": "Same"}, headers=headers).json()
    assert ours["id"] != theirs["id"]


def test_an_idempotency_key_is_free_again_after_a_day(merchant: Client, shop: Shop, database: Database) -> None:
    headers = {"Idempotency-Key": "daily"}
    first = merchant.post("/popups", {"name": "Monday"}, headers=headers)
    day = "UPDATE idempotency_keys SET created_at = created_at - make_interval(hours => :hours) WHERE shop_id = :id"
    database(day, hours=23, id=shop.id)
    assert merchant.post("/popups", {"name": "Monday"}, headers=headers).json() == first.json()
    database(day, hours=1, id=shop.id)
    assert merchant.post("/popups", {"name": "Tuesday"}, headers=headers).json()["name"] == "Tuesday"


def test_a_duplicate_sent_again_with_its_idempotency_key_is_made_once(merchant: Client) -> None:
    path = f"/popups/{create(merchant)['id']}/duplicate"
    first, second = (merchant.post(path, headers={"Idempotency-Key": "copy"}) for _ in range(2))
    assert first.json() == second.json()
    assert len(listed(merchant)) == 2


@pytest.mark.parametrize(
    "key", ["", "x" * 256, "a b", "ü", "tab\there"], ids=["empty", "long", "space", "latin", "tab"]
)
def test_an_idempotency_key_that_cannot_be_kept_is_refused(somebody: Client, key: str) -> None:
    headers: Any = {"Idempotency-Key": key.encode("latin-1")}
    assert_problem(somebody.post("/popups", {"name": "Refused"}, headers=headers), 400, "malformed_header")
    assert listed(somebody) == []


# Discount codes and shops


def test_an_offer_may_name_a_discount_code_of_its_own_shop_only(
    merchant: Client, shop: Shop, database: Database
) -> None:
    ours, theirs = make_discount_code(database, shop), make_discount_code(database, make_shop(database))
    popup = create(merchant, offer={"type": "discount", "discount_code_id": ours})
    assert popup["offer"]["discount_code_id"] == ours
    answer = merchant.patch(f"/popups/{popup['id']}", {"offer": {"discount_code_id": theirs}})
    assert_problem(answer, 422, "invalid", "offer.discount_code_id")
    assert read(merchant, popup) == popup


def test_a_cursor_leads_on_through_many_pages_in_order(merchant: Client, shop: Shop, database: Database) -> None:
    for number in range(12):
        make_popup(database, shop, name=f"{number:02}")
    assert [page[0] for page in islice(pages(merchant, "limit=1"), 12)] == [f"{n:02}" for n in reversed(range(12))]
