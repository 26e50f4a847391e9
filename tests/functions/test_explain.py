"""Whether a shopper would be shown a popup, and why not: the server's word, and that the script says the same."""

import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Page, Route, sync_playwright

from common.shop.active_popups import with_comparable_addresses
from functions.manage_popups.popups.explain import NEVER_CHECKED
from functions.manage_popups.popups.rules import Shopper, first_no, hash_of, is_held_out, variant_of
from functions.manage_popups.popups.schemas import PopupSchema
from functions.manage_popups.popups.shoppers import ExplainQuery, shopper_of
from tests.browser.support.built import LOADER
from tests.support.chromium import ARGUMENTS, CHROMIUM, MISSING
from tests.support.client import Client, assert_problem
from tests.support.factories import Shop, capture, insert, make_discount_code, make_popup, make_shop, view
from tests.support.stack import ROOT, Database, FunctionProcess

CASES = json.loads((ROOT / "tests" / "vectors" / "rules.json").read_text())
VECTORS = ROOT / "tests" / "vectors"
VARIANTS = json.loads((ROOT / "storefront" / "vectors.json").read_text())
SCREENS: dict[str, dict[str, Any]] = {
    "desktop": {},
    "mobile": {"screen": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
    "tablet": {"screen": {"width": 820, "height": 1180}, "is_mobile": True, "has_touch": True},
}
DAY_MS = 86_400_000
ANYBODY = {"max_per_session": 100, "days_after_close": 0, "days_after_conversion": 0}


def popup_of(case: dict[str, Any]) -> dict[str, Any]:
    """Return the case's popup as it is stored; its frequency refuses nobody unless the case has one."""
    given = {"name": "x", **case["popup"], "frequency": ANYBODY | case["popup"].get("frequency", {})}
    stored = json.loads(json.dumps(PopupSchema().load(given), default=str))
    targeting = with_comparable_addresses(stored["targeting"])
    never = case.get("shop", {}).get("never_on_pages", [])
    id_ = "6513270e-269e-4d37-b2a7-4de452e6b438"
    return {**stored, "targeting": targeting, "never_on_pages": never, "id": id_}


def shopper_in(case: dict[str, Any]) -> Shopper:
    """Return the case's shopper as the endpoint makes one of its query, with what only a browser knows."""
    told = case["shopper"]
    query = {"url": "/", "device_type": "desktop", "visitors": None, "referrer": "", "cart_value": 0, "cart_items": 0}
    query |= {name: told[name] for name in ("url", "device_type", "referrer") if name in told}
    if cart := told.get("cart"):
        query |= ExplainQuery(only=("cart_value", "cart_items")).load(
            {"cart_value": cart["value"], "cart_items": cart["items"]}
        )
    seen = told.get("seen", {})
    converted = seen.get("converted_days_ago")
    made = shopper_of(
        {**query, "visitor_id": "a-visitor"},
        is_known=told.get("visits", 1) > 1,
        seconds_since_conversion=None if converted is None else converted * 86_400,
    )
    known_to_browser = {
        "days_since_close": seen.get("closed_days_ago"),
        "shown_this_session": seen.get("shown_this_session", 0),
    }
    return Shopper(**{name: getattr(made, name) for name in Shopper.__slots__} | known_to_browser)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_server_agrees_with_the_shared_vectors(case: dict[str, Any]) -> None:
    assert first_no(popup_of(case), shopper_in(case)) == case["reason"]


def test_the_server_gives_the_variants_of_the_shared_vectors() -> None:
    assert [hash_of(each["text"]) for each in VARIANTS["hashes"]] == [each["hash"] for each in VARIANTS["hashes"]]
    for each in VARIANTS["assignments"]:
        assert variant_of(VARIANTS["popups"][each["popup"]], each["visitor_id"]) == each["variant"]


def test_the_holdout_of_a_shop_is_decided_as_the_vectors_say() -> None:
    """By the same hash over visitor_id:shop_id. storefront/script/loader/variants.js decides it in the storefront."""
    for each in json.loads((VECTORS / "shop_holdout.json").read_text()):
        assert is_held_out(each["shop_id"], each["percent"], each["visitor_id"]) is each["held_out"]


def test_the_shop_wide_holdout_has_its_share_of_visitors_whatever_popups_give_them() -> None:
    visitors = [f"visitor-{number}" for number in range(20_000)]
    held_out = {visitor for visitor in visitors if is_held_out("acme", 20, visitor)}
    assert len(held_out) == pytest.approx(4_000, abs=200)
    assert held_out <= {visitor for visitor in visitors if is_held_out("acme", 30, visitor)}
    assert not any(is_held_out("acme", 0, visitor) for visitor in visitors)
    assert all(is_held_out("acme", 100, visitor) for visitor in visitors)
    of_popup = {**VARIANTS["popups"][0], "holdout_percent": 20}
    both = [visitor for visitor in held_out if variant_of(of_popup, visitor) == "holdout"]
    assert len(both) == pytest.approx(len(held_out) / 5, abs=100)


SHOP = "http://shop.localhost"


def page_of(popup: dict[str, Any], case: dict[str, Any]) -> str:
    """Return the HTML of a page of the shop in a browser whose notes are the case's."""
    note = json.dumps(json.dumps(note_of(case, popup["id"])))
    return f"""<!doctype html>
        <script>localStorage["store-notes:shop"] = {note}</script>
        <script async src="/exit_intent.js" data-shop="shop" data-api=""></script>"""


def serve(page: Page, popup: dict[str, Any], case: dict[str, Any]) -> None:
    """Every address of the shop has that page, and the API has this one popup."""

    def answer(route: Route) -> None:
        path = urlsplit(route.request.url).path
        if path == "/exit_intent.js":
            route.fulfill(path=LOADER, content_type="text/javascript")
        elif path == "/get_active_popups":
            route.fulfill(json={"shop_id": "shop", "shop": case.get("shop", {}), "popups": [popup]})
        else:
            route.fulfill(body=page_of(popup, case), content_type="text/html; charset=utf-8")

    page.unroute_all()
    page.route("**/*", answer)


def test_the_script_agrees_with_the_shared_vectors() -> None:
    """Each case in a browser of its device, whose notes say what the case says of the shopper."""
    if not CHROMIUM:
        pytest.skip(MISSING)
    # In a thread of its own: the browser tests may have a Playwright at work in this one.
    with ThreadPoolExecutor(1) as thread:
        reasons = thread.submit(reasons_of_script).result()
    assert reasons == {case["name"]: case["reason"] for case in CASES}


def reasons_of_script() -> dict[str, str | None]:
    """Return the reason that the script's explain() has for each case, by the case's name."""
    reasons = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for device, screen in SCREENS.items():
            page = browser.new_context(**screen).new_page()
            page.set_default_timeout(10_000)
            for case in CASES:
                if case["shopper"].get("device_type", "desktop") == device:
                    (told,) = explanations(page, case)
                    assert told["would_show"] == (told["reason"] is None)
                    reasons[case["name"]] = told["reason"]
        browser.close()
    return reasons


def explanations(page: Page, case: dict[str, Any]) -> Any:
    serve(page, popup_of(case), case)
    page.goto(SHOP + case["shopper"].get("url", "/"))
    page.wait_for_function("window.exitIntent && exitIntent.explain && exitIntent.explain().length")
    return page.evaluate("exitIntent.explain()")


def note_of(case: dict[str, Any], popup_id: str) -> dict[str, Any]:
    """Return the note that the script keeps of such a shopper."""
    told, now = case["shopper"], int(time.time() * 1000)
    seen = told.get("seen", {})
    noted: dict[str, Any] = {"session": "a-session", "shown": seen.get("shown_this_session", 0)}
    for word in ("converted", "closed"):
        if f"{word}_days_ago" in seen:
            noted[f"{word}_at"] = now - int(seen[f"{word}_days_ago"] * DAY_MS)
    session = {"id": "a-session", "at": now, "referrer": told.get("referrer", ""), "utm": {}}
    if cart := told.get("cart"):
        session["cart"] = {"value": float(cart["value"]), "items": cart["items"]}
    return {"visitor": "a-visitor", "visits": told.get("visits", 1), "seen": {popup_id: noted}, "session": session}


class TestEndpoint:
    @pytest.fixture
    def shop(self, database: Database) -> Shop:
        return make_shop(database)

    @pytest.fixture
    def merchant(self, manage_popups: FunctionProcess, shop: Shop) -> Client:
        return Client(manage_popups, shop.read_key)

    @staticmethod
    def explain(merchant: Client, popup_id: str, url: str = "/", **query: str) -> dict[str, Any]:
        words = "".join(f"&{name}={quote(value, safe='')}" for name, value in query.items())
        answer = merchant.get(f"/popups/{popup_id}/explain?url={quote(url, safe='')}{words}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def test_a_shopper_who_would_be_shown_it(self, merchant: Client, database: Database, shop: Shop) -> None:
        popup_id = make_popup(database, shop, variants=[{"id": "a"}], targeting={"include_pages": ["/products/*"]})
        told = self.explain(merchant, popup_id, "https://shop.example/products/1?x=1", visitor="somebody")
        assert told == {
            "popup_id": popup_id,
            "would_show": True,
            "reason": None,
            "trigger": "exit_intent",
            "variant": "a",
            "not_checked": list(NEVER_CHECKED),
        }

    @pytest.mark.parametrize("case", [case for case in CASES if "seen" not in case["shopper"]], ids=lambda c: c["name"])
    def test_the_shared_vectors_over_http(
        self, manage_popups: FunctionProcess, database: Database, case: dict[str, Any]
    ) -> None:
        shop = make_shop(database, **{"never_on_pages": []} | case.get("shop", {}))
        merchant = Client(manage_popups, shop.read_key)
        popup_id = make_popup(database, shop, **case["popup"])
        told = case["shopper"]
        query = {name: told[name] for name in ("device_type", "referrer") if name in told}
        query["visitors"] = "returning" if told.get("visits", 1) > 1 else "new"
        if cart := told.get("cart"):
            query |= {"cart_value": cart["value"], "cart_items": str(cart["items"])}
        assert self.explain(merchant, popup_id, told.get("url", "/"), visitor="v", **query)["reason"] == case["reason"]

    def test_what_keeps_it_from_every_shopper(self, merchant: Client, database: Database, shop: Shop) -> None:
        now = datetime.now(UTC)
        day = timedelta(days=1)
        reasons: dict[str, dict[str, Any]] = {
            "status": {"status": "paused", "targeting": {"device_types": ["mobile"]}},
            "starts_at": {"starts_at": (now + day).isoformat()},
            "ends_at": {"ends_at": (now - day).isoformat()},
            "view_limit": {"view_limit": 1},
        }
        for reason, fields in reasons.items():
            popup_id = make_popup(database, shop, **fields)
            insert(
                database, "daily_views", shop_id=shop.id, popup_id=popup_id, day=now.date(), variant_id="",
                device_type="", views=1, viewers=1,
            )  # fmt: skip
            assert self.explain(merchant, popup_id)["reason"] == reason

    def test_the_fifty_first_popup_is_not_served(self, merchant: Client, database: Database, shop: Shop) -> None:
        last = make_popup(database, shop, priority=-1)
        for _ in range(50):
            make_popup(database, shop)
        assert self.explain(merchant, last)["reason"] == "priority"

    def test_what_the_server_knows_of_a_visitor(
        self,
        merchant: Client,
        database: Database,
        shop: Shop,
        track_view: FunctionProcess,
        track_conversion: FunctionProcess,
    ) -> None:
        code_id = make_discount_code(database, shop)
        offer = {"type": "email_capture", "discount_code_id": code_id}
        popup_id = make_popup(database, shop, offer=offer, targeting={"visitors": "new"})
        visitor = f"visitor-{uuid.uuid4()}"
        assert self.explain(merchant, popup_id, visitor=visitor)["reason"] is None
        assert Client(track_view).post(json=view(popup_id, visitor_id=visitor)).status_code == 202
        assert self.explain(merchant, popup_id, visitor=visitor)["reason"] == "targeting.visitors"
        event = capture(popup_id, "ann@example.com", visitor_id=visitor)
        assert Client(track_conversion).post(json=event).status_code == 201
        told = self.explain(merchant, popup_id, visitor=visitor, visitors="new")
        assert told["reason"] == "frequency.days_after_conversion"
        assert "holdout" in self.explain(merchant, popup_id)["not_checked"]

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("url=", "url"),
            ("url=ftp://x/", "url"),
            ("url=javascript:alert(1)", "url"),
            ("url=http://[", "url"),
            ("url=/" + "x" * 2048, "url"),
            ("url=/&device_type=watch", "device_type"),
            ("url=/&visitor=%00", "visitor"),
            ("url=/&visitor=" + "x" * 65, "visitor"),
            ("url=/&visitors=all", "visitors"),
            ("url=/&cart_value=-1", "cart_value"),
            ("url=/&cart_value=NaN", "cart_value"),
            ("url=/&cart_items=1.5", "cart_items"),
            ("url=/&colour=red", "colour"),
        ],
    )
    def test_a_bad_query_is_refused(
        self, merchant: Client, database: Database, shop: Shop, query: str, field: str
    ) -> None:
        popup_id = make_popup(database, shop)
        assert_problem(merchant.get(f"/popups/{popup_id}/explain?{query}"), 422, "invalid", field)

    def test_another_shops_popup_is_not_there(
        self, manage_popups: FunctionProcess, database: Database, shop: Shop
    ) -> None:
        stranger = Client(manage_popups, make_shop(database).read_key)
        answer = stranger.get(f"/popups/{make_popup(database, shop)}/explain?url=/")
        assert_problem(answer, 404, "popup_not_found")


@pytest.mark.parametrize("value", ["-1", "NaN", "1e400", "x", "1000000000001"])
def test_a_bad_cart_value_is_refused(manage_popups: FunctionProcess, database: Database, value: str) -> None:
    merchant = Client(manage_popups, make_shop(database).write_key)
    for field in ("min_cart_value", "max_cart_value"):
        answer = merchant.post("/popups", {"name": "x", "targeting": {field: value}})
        assert_problem(answer, 422, "invalid", f"targeting.{field}")
    made = merchant.post("/popups", {"name": "x", "targeting": {"min_cart_value": "49.9", "min_cart_items": 2}}).json()
    assert made["targeting"]["min_cart_value"] == "49.90"
