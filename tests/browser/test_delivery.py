"""Views and conversions arrive, once, whatever the network does."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.browser.support.shopper import Shop, Shopper
from tests.support.stack import eventually

VERSION_7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

HOUR_MS = 60 * 60 * 1000


def show(shopper: Shopper, path: str = "/", **page: Any) -> None:
    shopper.visit(path, **page)
    shopper.leave()
    assert shopper.is_shown()


def answer_with(shopper: Shopper, name: str, status: int, body: str = "{}", **more: str) -> None:
    headers = {"Access-Control-Allow-Origin": "*", "Content-Type": "application/json", **more}
    shopper.context.route(
        shopper.address_of(name), lambda route: route.fulfill(status=status, body=body, headers=headers)
    )


# Resolves with the frame that tells whoever observes the dialog that less than half of it is on screen.
OBSERVED = """dialog => new Promise(told => new IntersectionObserver(
    ([entry]) => entry.intersectionRatio < 0.5 && told(), { threshold: 0.5 }).observe(dialog))"""


def answer_really(shopper: Shopper, name: str) -> None:
    shopper.context.unroute(shopper.address_of(name))


def stored_events(shopper: Shopper) -> list[dict[str, Any]]:
    return [note for key, note in shopper.notes().items() if key.count(":") == 2]


def test_a_view_is_counted_once_a_showing(shop: Shop, shopper: Shopper) -> None:
    popup_id = shop.add_popup()
    show(shopper, "/products/fern?token=secret#top")
    shopper.see()
    shopper.look()
    (view,) = shopper.views()
    assert VERSION_7.fullmatch(view["event_id"])
    assert view["popup_id"] == popup_id
    assert view["device_type"] == "desktop"
    assert view["page_url"].endswith("/products/fern")
    assert shopper.eventually(lambda: shop.stats(popup_id)["views"] == 1)
    assert shop.stats(popup_id)["unique_viewers"] == 1
    assert shopper.eventually(lambda: stored_events(shopper) == [])


def test_a_popup_closed_at_once_was_not_seen(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup()
    show(shopper)
    shopper.close()
    shopper.look()
    assert shopper.views() == []


def test_who_answers_at_once_has_seen_it(shop: Shop, shopper: Shopper) -> None:
    popup_id = shop.add_popup()
    show(shopper)
    shopper.page.get_by_role("button", name="Yes, please").click()
    shopper.see()
    assert shopper.eventually(lambda: (stats := shop.stats(popup_id))["views"] == stats["conversions"] == 1)


def test_requests_need_no_preflight_and_carry_no_cookies(shop: Shop, shopper: Shopper) -> None:
    requests: list[Any] = []
    shopper.context.on("request", lambda request: requests.append(request))
    shop.add_popup()
    show(shopper)
    shopper.see()
    (request,) = [request for request in requests if request.url == shopper.address_of("track_view")]
    assert request.headers["content-type"] == "text/plain;charset=UTF-8"
    assert shopper.context.cookies() == []


@pytest.mark.parametrize("trouble", ["offline", "503", "429", "a login page", "a firewall"])
def test_a_view_survives_an_outage(shop: Shop, shopper: Shopper, trouble: str) -> None:
    popup_id = shop.add_popup()
    shopper.visit()
    if trouble == "offline":
        shopper.context.set_offline(True)
    elif trouble == "a login page":
        answer_with(shopper, "track_view", 200, "<form>")
    elif trouble == "a firewall":
        answer_with(shopper, "track_view", 403, "<h1>Forbidden</h1>")
    else:
        answer_with(shopper, "track_view", int(trouble))
    shopper.leave()
    shopper.see()
    assert len(stored_events(shopper)) == 1
    shopper.context.set_offline(False)
    answer_really(shopper, "track_view")
    shopper.wait(5)
    assert shopper.eventually(lambda: shop.stats(popup_id)["views"] == 1)
    assert shopper.eventually(lambda: stored_events(shopper) == [])


def test_the_network_coming_back_is_enough(shop: Shop, shopper: Shopper) -> None:
    """No time passes for the page: no retry is due."""
    popup_id = shop.add_popup()
    shopper.visit()
    shopper.context.set_offline(True)
    shopper.leave()
    shopper.see()
    shopper.context.set_offline(False)
    assert shopper.eventually(lambda: len(shopper.views()) == 2, passing=0)
    assert eventually(lambda: shop.stats(popup_id)["views"] == 1)


def test_a_pause_that_the_server_asked_for_holds_for_later_events_too(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup(design={"heading": "First"}, priority=2)
    shop.add_popup(design={"heading": "Second"})
    exposed = {"Retry-After": "300", "Access-Control-Expose-Headers": "Retry-After"}
    answer_with(shopper, "track_view", 429, **exposed)
    for path, heading in (("/", "First"), ("/#second", "Second")):
        shopper.page.mouse.move(640, 400)
        if path == "/":
            shopper.visit()
        else:
            shopper.page.evaluate("history.pushState({}, '', '/second')")
            shopper.page.mouse.move(640, 300)
            shopper.wait(2)
        shopper.leave()
        assert shopper.is_shown(heading)
        shopper.wait(5)
        shopper.close()
    shopper.wait(200)
    assert len(shopper.views()) == 1
    shopper.wait(200)
    assert shopper.eventually(lambda: len(shopper.views()) >= 3)


def test_a_popup_that_is_less_than_half_on_screen_was_not_seen(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup()
    show(shopper)
    assert shopper.views() == []
    box = shopper.dialog.bounding_box()
    assert box
    move = "(dialog, y) => { dialog.style.animation = 'none'; dialog.style.transform = `translateY(${y}px)` }"
    shopper.dialog.evaluate(move, 800 - box["y"] - box["height"] * 0.4)
    shopper.dialog.evaluate(OBSERVED)
    shopper.wait(5)
    shopper.page.wait_for_timeout(200)
    assert shopper.views() == []
    shopper.dialog.evaluate(move, 0)
    shopper.see()
    assert len(shopper.views()) == 1


def test_the_next_page_sends_what_the_last_one_could_not(shop: Shop, shopper: Shopper) -> None:
    popup_id = shop.add_popup()
    answer_with(shopper, "track_view", 503)
    show(shopper)
    shopper.see()
    answer_really(shopper, "track_view")
    shopper.open("/second-page")
    assert shopper.eventually(lambda: shop.stats(popup_id)["views"] == 1)
    assert len({view["event_id"] for view in shopper.views()}) == 1


def test_leaving_right_after_the_view_loses_nothing(shop: Shop, shopper: Shopper) -> None:
    popup_id = shop.add_popup()
    show(shopper)
    assert shopper.eventually(lambda: stored_events(shopper))  # counted, but its batch still waits
    assert shopper.views() == []
    shopper.page.goto("about:blank")
    assert shopper.eventually(lambda: shop.stats(popup_id)["views"] == 1)


def test_a_view_sent_twice_counts_once(shop: Shop, shopper: Shopper) -> None:
    popup_id = shop.add_popup()

    def lose_the_answer(route: Route) -> None:
        route.fetch()
        route.abort()

    shopper.context.route(shopper.address_of("track_view"), lose_the_answer)
    show(shopper)
    shopper.see()
    answer_really(shopper, "track_view")
    shopper.wait(5)
    assert shopper.eventually(lambda: len(shopper.views()) == 2)
    assert shopper.eventually(lambda: shop.stats(popup_id)["views"] == 1)


def test_retries_slow_down(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup()
    answer_with(shopper, "track_view", 503)
    show(shopper)
    shopper.see()
    for _ in range(60):
        shopper.wait(10)
    assert 4 <= len(shopper.views()) <= 12


def test_an_event_is_dropped_after_seven_days(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup()
    answer_with(shopper, "track_view", 503)
    show(shopper)
    shopper.see()
    shopper.page.clock.fast_forward(167 * HOUR_MS)
    shopper.open()
    assert len(stored_events(shopper)) == 1
    shopper.page.clock.fast_forward(2 * HOUR_MS)
    shopper.open()
    assert shopper.eventually(lambda: stored_events(shopper) == [])


def keep_views(shopper: Shopper, popup_ids: list[str], page_url: str = "https://shop.example/") -> None:
    """As if so many views had waited for the network."""
    shopper.page.evaluate(
        """([note, popupIds, pageUrl]) => popupIds.forEach((popup_id, number) => {
            const now = Date.now().toString(16).padStart(12, "0");
            const id = `${now.slice(0, 8)}-${now.slice(8)}-7000-8000-${number.toString(16).padStart(12, "0")}`;
            const event = {event_id: id, popup_id, session_id: `s${number}`, page_url: pageUrl, referrer: pageUrl};
            localStorage.setItem(`${note}:${id}`, JSON.stringify(event));
        })""",
        [f"store-notes:{shopper.shop.id}", popup_ids, page_url],
    )


def test_views_go_forty_a_request(shop: Shop, shopper: Shopper) -> None:
    popup_id = shop.add_popup()
    shopper.open()
    keep_views(shopper, [popup_id] * 120)
    shopper.open()  # which leaves the page before: that has handed them to the browser already
    assert shopper.eventually(
        lambda: [len(body["events"]) for name, body in shopper.sent if name == "track_view"] == [40, 40, 40]
    )
    assert shopper.eventually(lambda: shop.stats(popup_id)["views"] == 120)


def test_a_request_stays_below_the_largest_body(shop: Shop, shopper: Shopper) -> None:
    popup_id = shop.add_popup()
    shopper.open()
    keep_views(shopper, [popup_id] * 40, page_url="https://shop.example/".ljust(512, "x"))
    shopper.open()
    assert shopper.eventually(lambda: shop.stats(popup_id)["views"] == 40)


def test_a_long_address_is_sent_as_far_as_it_fits(shop: Shop, shopper: Shopper) -> None:
    shop.add_popup()
    show(shopper, "/" + "x" * 2000)
    shopper.see()
    (view,) = shopper.views()
    assert len(view["page_url"]) == 512


def test_a_bad_event_does_not_take_its_neighbours_along(shop: Shop, shopper: Shopper) -> None:
    popup_id = shop.add_popup()
    shopper.open()
    keep_views(shopper, [popup_id, "not-a-uuid", popup_id])
    shopper.open()
    assert shopper.eventually(lambda: shop.stats(popup_id)["views"] == 2)
    assert shopper.eventually(lambda: stored_events(shopper) == [])


def test_an_email_survives_an_outage_and_keeps_what_was_typed(shop: Shop, shopper: Shopper) -> None:
    popup_id = shop.add_popup(offer={"type": "email_capture"})
    answer_with(shopper, "track_conversion", 503)
    show(shopper)
    shopper.leave_email("ada@example.com")
    shopper.page.get_by_role("alert").filter(has_text="Please try again").wait_for()
    expect(shopper.page.get_by_label("E-mail")).to_have_value("ada@example.com")
    answer_really(shopper, "track_conversion")
    shopper.page.get_by_role("button", name="Yes, please").click()
    assert shopper.is_shown("Thank you!")
    assert len({event["event_id"] for event in shopper.conversions()}) == 1
    assert shopper.eventually(lambda: shop.stats(popup_id)["conversions_by_type"]["email_capture"] == 1)


def test_another_address_after_an_outage_replaces_the_first(shop: Shop, shopper: Shopper) -> None:
    popup_id = shop.add_popup(offer={"type": "email_capture"})
    answer_with(shopper, "track_conversion", 503)
    show(shopper)
    shopper.leave_email("ada@exmaple.com")
    shopper.page.get_by_role("alert").filter(has_text="Please try again").wait_for()
    answer_really(shopper, "track_conversion")
    shopper.leave_email("ada@example.com")
    assert shopper.is_shown("Thank you!")
    shopper.wait(60)
    assert shopper.conversions()[-1]["email"] == "ada@example.com"
    assert shopper.eventually(lambda: shop.stats(popup_id)["conversions"] == 1)


@pytest.mark.parametrize("page", ["same", "next"])
def test_a_code_that_came_late_is_shown_when_it_comes(shop: Shop, shopper: Shopper, page: str) -> None:
    discount_code_id = shop.add_discount_code("FERN10")
    shop.add_popup(offer={"type": "email_capture", "discount_code_id": discount_code_id})
    answer_with(shopper, "track_conversion", 503)
    show(shopper)
    shopper.leave_email()
    shopper.page.get_by_role("alert").filter(has_text="Please try again").wait_for()
    shopper.close()
    answer_really(shopper, "track_conversion")
    if page == "next":
        shopper.open("/second-page")
    else:
        shopper.wait(5)
    shopper.dialog.get_by_text("FERN10").wait_for()


def test_storage_that_is_blocked_does_not_stop_anything(shop: Shop, shopper: Shopper) -> None:
    popup_id = shop.add_popup()
    shopper.page.add_init_script(
        """for (const name of ["localStorage", "sessionStorage"])
            Object.defineProperty(window, name, {get() { throw new DOMException("no", "SecurityError") }})"""
    )
    show(shopper)
    shopper.see()
    assert shopper.eventually(lambda: shop.stats(popup_id)["views"] == 1)


def test_a_pause_beyond_what_timers_know_is_a_day(shop: Shop, shopper: Shopper) -> None:
    """30 days of milliseconds are more than 32 bits hold, and would be no pause at all."""
    shop.add_popup()
    month = {"Retry-After": str(30 * 24 * 3600), "Access-Control-Expose-Headers": "Retry-After"}
    answer_with(shopper, "track_view", 503, **month)
    show(shopper)
    shopper.see()
    for _ in range(20):
        shopper.wait(60)
    assert len(shopper.views()) == 1


SPIES = """
    window.sent = [];
    const realFetch = window.fetch;
    window.fetch = (address, request) => {
        if (!request?.keepalive) return realFetch(address, request);
        sent.push("fetch");
        return window.refuse ? Promise.reject(new TypeError("quota")) : realFetch(address, request);
    };
    navigator.sendBeacon = () => sent.push("beacon") > 0;
"""


@pytest.mark.parametrize(("refused", "ways"), [("false", ["fetch"]), ("true", ["fetch", "beacon"])])
def test_a_page_that_goes_away_sends_no_beacon_unless_a_fetch_is_refused(
    shop: Shop, shopper: Shopper, refused: str, ways: list[str]
) -> None:
    """Content blockers take beacons to another origin for spies'."""
    shop.add_popup()
    shopper.context.add_init_script(SPIES)
    show(shopper)
    shopper.wait(0.7)  # seen, and not yet sent
    sent = f"(async () => {{ refuse = {refused}; dispatchEvent(new Event('pagehide')); await null; return sent }})()"
    assert shopper.page.evaluate(sent) == ways
