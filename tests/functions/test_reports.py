"""Reports as merchants read them: people and goals, comparison, paging, annotations, CSV; and that Postgres adds up."""

import csv
import io
import uuid
from datetime import date, timedelta
from typing import Any

import pytest

from functions.stats.periods import MAX_POPUP_DAYS, days_of, parts_of
from functions.stats.reports import MAX_VARIANTS
from tests.support.client import PROMISED_SECONDS, Client, assert_problem
from tests.support.factories import Shop, capture, conversion, insert, make_popup, make_shop, purchase, view
from tests.support.stack import Database, FunctionProcess, eventually

MARCH = "from=2026-03-01&to=2026-03-03"
NIL = str(uuid.UUID(int=0))


@pytest.fixture
def popup_id(database: Database, shop: Shop) -> str:
    return make_popup(database, shop, offer={"type": "email_capture"}, variants=[{"id": "a"}, {"id": "b"}])


def tally(database: Database, table: str, shop: Shop, popup_id: str, day: str, **of: Any) -> None:
    row = {"shop_id": shop.id, "popup_id": popup_id, "day": day, "variant_id": "", "device_type": ""}
    insert(database, table, **row | of)


def send(function: FunctionProcess, *events: dict[str, Any]) -> None:
    for event in events:
        answer = Client(function).post(json=event)
        assert answer.status_code in (201, 202), answer.text


def picked(report: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(report[name] for name in names)


def test_one_shopper_who_does_everything_is_one_converter_of_each_goal(
    reader: Client, popup_id: str, track_view: FunctionProcess, track_conversion: FunctionProcess
) -> None:
    send(track_view, *(view(popup_id, visitor_id=name) for name in ("ada", "ada", "bea")))
    send(
        track_conversion,
        capture(popup_id, "ada@example.com", visitor_id="ada"),
        conversion(popup_id, visitor_id="ada"),
        conversion(popup_id, visitor_id="ada"),
        conversion(popup_id, "discount_code_used", discount_code="TEN", visitor_id="ada"),
        purchase(popup_id, "1", visitor_id="ada"),
        conversion(popup_id, visitor_id="never seen"),
    )
    done = {"exposures": None, "viewers": 2, "closes": 0, "converters": 1, "codes_used": 1, "orders": 1}
    for path in (f"/popups/{popup_id}", "/shop"):
        report = reader.get(path).json()
        assert picked(report, "goal", "converters", "conversion_rate") == ("email_capture", 1, 0.5), path
        assert set(report["converters_by_type"].values()) == {1}
        assert picked(report, "conversions", "unique_viewers", "active_viewers") == (6, 2, 2)
        assert report["funnel"] == done


def test_active_viewers_are_those_who_came_at_all_and_unique_ones_who_came_first(
    reader: Client, shop: Shop, database: Database, popup_id: str
) -> None:
    tally(database, "daily_views", shop, popup_id, "2026-03-01", views=5, viewers=4)
    for day, previous_day, viewers in (("2026-03-02", "2026-03-01", 3), ("2026-03-03", "2026-02-01", 2)):
        tally(database, "daily_returns", shop, popup_id, day, previous_day=previous_day, viewers=viewers)
    report = reader.get(f"/popups/{popup_id}?{MARCH}").json()
    assert picked(report, "unique_viewers", "active_viewers") == (4, 6)
    assert [day["active_viewers"] for day in report["by_day"]] == [4, 3, 2]
    (ranked,) = reader.get(f"/shop?{MARCH}").json()["popups"]
    assert picked(ranked, "unique_viewers", "active_viewers") == (4, 6)


def test_variants_are_crossed_with_devices(reader: Client, popup_id: str, track_view: FunctionProcess) -> None:
    for variant, device in (("a", "mobile"), ("a", "desktop"), ("b", "mobile"), ("holdout", "mobile")):
        send(track_view, view(popup_id, variant_id=variant, device_type=device))
    report = reader.get(f"/popups/{popup_id}").json()
    crossed = {
        picked(each, "variant_id", "device_type"): each["unique_viewers"] for each in report["by_variant_and_device"]
    }
    assert crossed == {("a", "mobile"): 1, ("a", "desktop"): 1, ("b", "mobile"): 1, ("holdout", "mobile"): 1}
    assert {each["device_type"]: each["unique_viewers"] for each in report["by_device"]} == {"mobile": 2, "desktop": 1}


def test_exposures_and_closes_stand_beside_views_and_the_holdout_has_exposures_only(
    reader: Client, popup_id: str, track_view: FunctionProcess
) -> None:
    send(track_view, view(popup_id, variant_id="a"))
    for path in (f"/popups/{popup_id}", "/shop"):
        assert picked(reader.get(path).json(), "exposures", "closes") == (None, 0)
    met = [view(popup_id, variant_id=variant) for variant in ("a", "b", "holdout", "shop_holdout")]
    send(track_view, {"exposures": met, "closes": [view(popup_id, variant_id="a")]})

    def told() -> bool:
        reports = [reader.get(path).json() for path in (f"/popups/{popup_id}", "/shop")]
        return all(picked(report, "exposures", "closes", "views") == (2, 1, 1) for report in reports)

    eventually(told, seconds=PROMISED_SECONDS)
    report = reader.get(f"/popups/{popup_id}").json()
    assert picked(report["funnel"], "exposures", "viewers", "closes") == (2, 1, 1)
    assert {each["variant_id"]: picked(each, "exposures", "views") for each in report["by_variant"]} == {
        "a": (1, 1),
        "b": (1, 0),
        "holdout": (1, 0),
        "shop_holdout": (1, 0),
    }
    assert reader.get("/shop").json()["popups"][0]["closes"] == 1


@pytest.mark.parametrize("held_out", ["holdout", "shop_holdout"])
def test_who_is_held_out_is_no_viewer_and_no_popup_has_the_credit(
    reader: Client, popup_id: str, track_view: FunctionProcess, track_conversion: FunctionProcess, held_out: str
) -> None:
    of_ada = {"visitor_id": "ada", "variant_id": held_out}
    send(track_view, view(popup_id, **of_ada), view(popup_id, visitor_id="bea"))
    send(
        track_conversion,
        conversion(popup_id, "discount_code_used", discount_code="TEN", **of_ada),
        purchase(popup_id, "1", **of_ada),
    )

    def told() -> bool:
        report = reader.get(f"/popups/{popup_id}").json()
        variants = {each["variant_id"]: each for each in report["by_variant"]}
        return (
            picked(report, "views", "unique_viewers", "conversions", "converters", "orders", "revenue")
            == (1, 1, 0, 0, 0, "0.00")
            and variants[held_out]["exposures"] == 1
            and variants["holdout"]["conversions"] == 2
        )

    eventually(told, seconds=PROMISED_SECONDS)
    assert picked(reader.get("/shop").json(), "views", "conversions", "orders") == (1, 0, 1)


def test_exposures_of_the_holdout_alone_are_none_of_the_popup_and_not_unknown(
    reader: Client, popup_id: str, track_view: FunctionProcess
) -> None:
    send(track_view, {"exposures": [view(popup_id, variant_id="holdout")]})
    for path in (f"/popups/{popup_id}", "/shop"):
        report = reader.get(path).json()
        assert (report["exposures"], report["funnel"]["exposures"]) == (0, 0), path


def test_a_popup_without_exposures_has_none_in_the_shops_report_either(
    reader: Client, popup_id: str, database: Database, shop: Shop, track_view: FunctionProcess
) -> None:
    other = make_popup(database, shop)
    send(track_view, {"exposures": [view(popup_id, variant_id="a")], "events": [view(other)]})
    popups = {each["popup_id"]: each["exposures"] for each in reader.get("/shop").json()["popups"]}
    assert popups == {popup_id: 1, other: None}
    assert reader.get(f"/popups/{other}").json()["exposures"] is None


# Of two orders of four viewers, by the shop's currency: what was paid, in all, by a viewer and by a buyer.
WORTHS = {
    "USD": (("10.00", "5.01"), "15.01", "3.752500", "7.51"),
    "JPY": (("10", "5"), "15.00", "3.750000", "7.50"),
    "KWD": (("1.125", "1.250"), "2.375", "0.593750", "1.188"),
}


@pytest.mark.parametrize(("currency", "worth"), WORTHS.items())
def test_what_an_order_is_worth_is_told_per_viewer_and_per_order(
    reader: Client,
    popup_id: str,
    shop: Shop,
    database: Database,
    track_view: FunctionProcess,
    track_conversion: FunctionProcess,
    currency: str,
    worth: tuple[tuple[str, str], str, str, str],
) -> None:
    database("UPDATE shops SET currency = :currency WHERE id = :id", currency=currency, id=shop.id)
    send(track_view, *(view(popup_id) for _ in range(4)))
    for amount in worth[0]:
        send(track_conversion, purchase(popup_id, amount, amount) | {"currency": currency})
    report = reader.get(f"/popups/{popup_id}").json()
    assert picked(report, "orders", "revenue", "revenue_per_viewer", "average_order_value") == (2, *worth[1:])


@pytest.mark.parametrize("of", ["popup", "shop"])
def test_a_report_is_compared_with_the_days_before(
    reader: Client, shop: Shop, database: Database, popup_id: str, of: str
) -> None:
    for day, views in (("2026-02-25", 50), ("2026-02-26", 1), ("2026-02-28", 2), ("2026-03-01", 7), ("2026-03-04", 99)):
        tally(database, "daily_views", shop, popup_id, day, views=views, viewers=views)
    path = "/shop" if of == "shop" else f"/popups/{popup_id}"
    report = reader.get(f"{path}?{MARCH}&compare=previous").json()
    assert report["views"] == 7
    assert picked(report["previous"], "from", "to", "views") == ("2026-02-26", "2026-02-28", 3)
    assert "previous" not in reader.get(f"{path}?{MARCH}").json()


# Converters, viewers and views of a shop's popups by rank; those that are alike come in the order of their ids.
RANKED = [(2, 1, 1), (1, 9, 1), (1, 8, 9), (1, 8, 8), (0, 9, 9), (0, 0, 0), (0, 0, 0)]


def test_a_shops_popups_come_in_pages_by_rank(reader: Client, shop: Shop, database: Database) -> None:
    popups = sorted(make_popup(database, shop) for _ in RANKED)
    popups[:5] = popups[4::-1]
    for popup_id, (converters, viewers, views) in zip(popups[:5], RANKED, strict=False):
        tally(database, "daily_converters", shop, popup_id, "2026-03-01", type="click", converters=converters)
        tally(database, "daily_views", shop, popup_id, "2026-03-01", views=views, viewers=viewers)
    pages, cursor = [], ""
    while cursor is not None:
        page = reader.get(f"/shop?{MARCH}&limit=2{cursor and f'&cursor={cursor}'}").json()
        pages.append([popup["popup_id"] for popup in page["popups"]])
        assert page["views"] == 28
        cursor = page["next_cursor"]
    assert pages == [popups[:2], popups[2:4], popups[4:6], popups[6:]]


def test_a_cursor_of_another_ranking_is_refused(reader: Client, shop: Shop, database: Database) -> None:
    for _ in range(2):
        make_popup(database, shop)
    cursor = reader.get("/shop?limit=1").json()["next_cursor"]
    for query in (
        f"goal=purchase&cursor={cursor}",
        f"{MARCH}&cursor={cursor}",
        "cursor=x",
        "cursor=W10",
        "limit=0",
        "limit=101",
    ):
        assert reader.get(f"/shop?limit=1&{query}".replace("limit=1&limit", "limit")).status_code == 422


def test_a_deleted_popups_numbers_stay_in_the_shops_and_are_told(
    reader: Client,
    shop: Shop,
    database: Database,
    merchant: Client,
    track_view: FunctionProcess,
    track_conversion: FunctionProcess,
) -> None:
    gone, kept = make_popup(database, shop), make_popup(database, shop)
    send(track_view, view(gone), view(gone), view(kept))
    of_no_popup = purchase(gone, "3", shop_id=shop.id)
    del of_no_popup["popup_id"]
    send(track_conversion, conversion(gone), purchase(gone, "1"), purchase(kept, "2"), of_no_popup)
    assert merchant.delete(f"/popups/{gone}").status_code == 204
    report = reader.get("/shop").json()
    assert picked(report, "views", "conversions", "orders") == (3, 4, 3)
    assert [popup["popup_id"] for popup in report["popups"]] == [kept]
    assert report["deleted_popups"] == {"popups": 1, "views": 2, "conversions": 2, "orders": 1}


def test_edits_of_the_period_stand_beside_its_numbers_within_two_seconds(reader: Client, merchant: Client) -> None:
    popup_id = merchant.post("/popups", {"name": "x"}).json()["id"]
    path = f"/popups/{popup_id}"
    assert [picked(each, "version", "action") for each in reader.get(path).json()["annotations"]] == [(1, "created")]
    merchant.patch(path, {"status": "active", "design": {"width": 300}})

    def told() -> bool:
        edit = reader.get(path).json()["annotations"][-1]
        expected = (2, "changed", ["design", "status"], "active")
        return picked(edit, "version", "action", "changed_fields", "status") == expected

    eventually(told, seconds=PROMISED_SECONDS)
    assert reader.get(f"{path}?{MARCH}").json()["annotations"] == []


def test_of_any_number_of_variants_the_most_viewed_are_listed(
    reader: Client, shop: Shop, database: Database, popup_id: str
) -> None:
    database(
        "INSERT INTO daily_views SELECT :shop, :popup, '2026-03-01', 'v' || number, device, number, 1"
        " FROM generate_series(1, :variants::integer) AS number, unnest(ARRAY['mobile', 'desktop']) AS device",
        shop=shop.id,
        popup=popup_id,
        variants=MAX_VARIANTS + 7,
    )
    tally(database, "daily_signals", shop, popup_id, "2026-03-01", variant_id="holdout", kind="exposure", signals=3)
    report = reader.get(f"/popups/{popup_id}?{MARCH}").json()
    listed = [each["variant_id"] for each in report["by_variant"]]
    assert listed == [*(f"v{number}" for number in range(MAX_VARIANTS + 7, 7, -1)), "holdout"]
    assert {each["variant_id"] for each in report["by_variant_and_device"]} == set(listed)
    assert report["variants_left_out"] == 7
    assert report["unique_viewers"] == 2 * (MAX_VARIANTS + 7)


def test_of_many_edits_the_newest_hundred_are_told_each_compared_with_the_one_before(
    reader: Client, shop: Shop, database: Database, popup_id: str
) -> None:
    database(
        "INSERT INTO popup_versions (shop_id, popup_id, version, action, api_key_id, popup, changed_at)"
        " SELECT :shop, :popup, version, 'changed', gen_random_uuid(),"
        " jsonb_build_object('name', version, 'priority', version / 2), timestamptz '2026-03-02 12:00Z'"
        " FROM generate_series(1, 130) AS version",
        shop=shop.id,
        popup=popup_id,
    )
    edits = reader.get(f"/popups/{popup_id}?{MARCH}").json()["annotations"]
    assert [edit["version"] for edit in edits] == list(range(31, 131))
    assert [edit["changed_fields"] for edit in edits[:2]] == [["name"], ["name", "priority"]]


# CSV


def rows_of(text: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"), newline="")))


def cells(figures: dict[str, Any]) -> dict[str, str]:
    return {name: "" if value is None else str(value) for name, value in figures.items()}


# The heads of tables: of the figures of a group, and of an experiment.
HEAD = (
    "exposures,views,unique_viewers,active_viewers,closes,converters,conversion_rate,converters_click,"
    "converters_email_capture,converters_discount_code_used,converters_purchase,conversions,conversions_click,"
    "conversions_email_capture,conversions_discount_code_used,conversions_purchase,orders,revenue,refunded,"
    "net_revenue,unconfirmed_orders,revenue_per_viewer,average_order_value,currency"
)
HEAD_OF_EXPERIMENT = (
    "variant_id,name,weight,viewers,converters,rate,revenue_per_viewer,credible_interval_low,credible_interval_high,"
    "chance_to_be_best,expected_loss,lift,lift_interval_low,lift_interval_high,beats_first,goal,currency,stretch,"
    "experiment_started_at,verdict,best"
)


@pytest.fixture
def filled(database: Database, shop: Shop, popup_id: str) -> str:
    database("UPDATE popups SET name = '=HYPERLINK(\"x\")' WHERE id = :id", id=popup_id)
    tally(database, "daily_views", shop, popup_id, "2026-03-02", views=5, viewers=4)
    insert(database, "daily_shop_viewers", shop_id=shop.id, day="2026-03-02", device_type="", viewers=4)
    for each in (popup_id, NIL):
        tally(database, "daily_converters", shop, each, "2026-03-02", type="email_capture", converters=1)
    return popup_id


FORMS: dict[str, tuple[str, str, list[str]]] = {
    "a popup, by default its days": ("/popups/{}?" + MARCH, "day", ["2026-03-01", "2026-03-02", "2026-03-03"]),
    "a popup as a row": ("/popups/{}?rows=popups&" + MARCH, "popup_id", ["{}"]),
    "a shop, by default its popups": ("/shop?" + MARCH, "popup_id", ["{}"]),
    "a shop's days": ("/shop?rows=days&" + MARCH, "day", ["2026-03-01", "2026-03-02", "2026-03-03"]),
}


@pytest.mark.parametrize(("path", "first", "values"), FORMS.values(), ids=FORMS)
def test_every_report_is_a_table_too(reader: Client, filled: str, path: str, first: str, values: list[str]) -> None:
    answer = reader.get(f"{path.format(filled)}&format=csv")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="report.csv"'
    rows = rows_of(answer.content)
    assert next(iter(rows[0])) == first
    assert [row[first] for row in rows] == [value.format(filled) for value in values]
    (row,) = (row for row in rows if row["views"] != "0")
    assert picked(row, "unique_viewers", "converters", "conversion_rate", "converters_email_capture") == (
        "4",
        "1",
        "0.25",
        "1",
    )
    assert reader.get(f"{path.format(filled)}&format=csv").headers["X-Cache"] == "HIT"


def test_a_table_has_the_figures_of_the_report(reader: Client, filled: str) -> None:
    path = f"/popups/{filled}?{MARCH}"
    report = reader.get(path).json()
    for rows, row, of in (("days", 1, report["by_day"][1]), ("popups", 0, report)):
        shown = rows_of(reader.get(f"{path}&format=csv&rows={rows}").content)[row]
        by_type = {
            f"{name}_{type_}": count
            for name in ("converters", "conversions")
            for type_, count in of[f"{name}_by_type"].items()
        }
        expected = cells({name: {**of, **by_type}[name] for name in HEAD.split(",")})
        assert shown == shown | expected


def test_tables_of_other_goals_are_other_tables(reader: Client, filled: str) -> None:
    for path in (f"/popups/{filled}", "/shop"):
        for goal, converters in (("email_capture", "1"), ("purchase", "0")):
            (row,) = rows_of(reader.get(f"{path}?{MARCH}&format=csv&rows=popups&goal={goal}").content)
            assert row["converters"] == converters, (path, goal)


def test_an_experiment_is_a_table_too(
    reader: Client, database: Database, shop: Shop, track_view: FunctionProcess
) -> None:
    variants: list[dict[str, Any]] = [
        {"id": name, "name": f"={name}", "weight": 50, "design": {}, "offer": {}} for name in ("a", "b")
    ]
    popup_id = make_popup(database, shop, variants=variants, holdout_percent=10)
    met = [view(popup_id, variant_id=variant) for variant in ("a", "a", "b", "holdout")]
    send(track_view, {"exposures": met})
    path = f"/popups/{popup_id}/experiment"
    rows = rows_of(reader.get(path, headers={"Accept": "text/csv"}).content)
    assert ",".join(rows[0]) == HEAD_OF_EXPERIMENT
    told = [picked(row, "variant_id", "name", "viewers", "converters", "verdict", "goal") for row in rows]
    assert told == [
        ("a", "'=a", "2", "0", "collecting", "click"),
        ("b", "'=b", "1", "0", "collecting", "click"),
        ("holdout", "", "1", "", "collecting", "click"),
    ]
    experiment = reader.get(path).json()
    first = experiment["variants"][0]
    low, high = first.pop("credible_interval")
    expected = {**first, **{name: experiment[name] for name in rows[0].keys() & experiment.keys()}}
    expected |= {"name": "'=a", "credible_interval_low": low, "credible_interval_high": high}
    expected |= {"lift_interval_low": None, "lift_interval_high": None}
    del expected["lift_interval"]
    assert rows[0] == cells(expected)


def test_sources_are_a_table_too(reader: Client, popup_id: str, track_view: FunctionProcess) -> None:
    send(track_view, view(popup_id, page_url="/x?utm_source=%3Dnews"), view(popup_id, page_url="=x"))
    answer = reader.get(f"/popups/{popup_id}/sources?format=csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="report.csv"'
    rows = [picked(row, "kind", "name", "views") for row in rows_of(answer.content)]
    assert rows[:3] == [("pages", "/x", "1"), ("pages", "'=x", "1"), ("utm_sources", "%3Dnews", "1")]
    assert [row[:2] for row in rows[3:]] == [("hours_of_today", f"{hour:02}") for hour in range(24)]


def test_a_name_is_no_formula(reader: Client, filled: str) -> None:
    (row,) = rows_of(reader.get(f"/shop?{MARCH}&format=csv").content)
    assert row["name"] == '\'=HYPERLINK("x")'


ACCEPTED: dict[str, bool] = {
    "text/csv": True,
    "text/csv, application/json;q=0.5": True,
    "application/json, text/csv;q=0.9": False,
    "application/json": False,
    "*/*": False,
    "text/csv;q=0": False,
    "text/csv;q=x": False,
    "": False,
}


@pytest.mark.parametrize(("accept", "is_csv"), ACCEPTED.items(), ids=lambda value: str(value) or "nothing")
def test_the_form_is_what_accept_asks_for(reader: Client, popup_id: str, accept: str, is_csv: bool) -> None:
    answer = reader.get(f"/popups/{popup_id}", headers={"Accept": accept})
    assert answer.headers["Content-Type"].startswith("text/csv" if is_csv else "application/json")
    assert "Accept" in answer.headers["Vary"]
    assert reader.get(f"/popups/{popup_id}?format=json", headers={"Accept": accept}).json()["views"] == 0


def test_a_shop_without_popups_is_a_table_with_a_head_only(reader: Client) -> None:
    for rows, first in (("popups", "popup_id,name,status"), ("days", "day")):
        table = reader.get(f"/shop?format=csv&rows={rows}").content
        assert table.startswith(b"\xef\xbb\xbf" + f"{first},{HEAD}\r\n".encode())
        assert len(rows_of(table)) == (30 if rows == "days" else 0)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("goal=revenue", "goal"),
        ("goal=discount_code_used", "goal"),
        ("compare=yes", "compare"),
        ("format=xml", "format"),
        ("rows=hours", "rows"),
    ],
)
def test_what_no_report_has_is_refused_by_field(reader: Client, popup_id: str, query: str, field: str) -> None:
    for path in (f"/popups/{popup_id}", "/shop"):
        assert_problem(reader.get(f"{path}?{query}"), 422, "invalid", field)
    for query in ("limit=1", "cursor=x"):
        assert_problem(reader.get(f"/popups/{popup_id}?{query}"), 422, "invalid", query.partition("=")[0])


# Bounds


def test_a_year_of_many_popups_and_variants_is_added_up_by_postgres(
    reader: Client, shop: Shop, database: Database
) -> None:
    """Answers by the default timeout, with a page of popups, and no more bytes than those take."""
    popups, days = 60, 366
    ids = [make_popup(database, shop) for _ in range(popups)]
    database("UPDATE popups SET deleted_at = now() WHERE id = ANY (:ids::uuid[])", ids=ids[3:])
    database(
        "INSERT INTO daily_views (shop_id, popup_id, day, variant_id, device_type, views, viewers)"
        " SELECT :shop, popup, date '2026-03-03' - back, 'v' || variant, '', 2, 1"
        " FROM unnest(:popups::uuid[]) AS popup, generate_series(0, :days::integer - 1) AS back,"
        " generate_series(1, 11) AS variant",
        shop=shop.id,
        popups=ids,
        days=days,
    )
    first = date(2026, 3, 3) - timedelta(days=days - 1)
    answer = reader.get(f"/shop?from={first}&to=2026-03-03")
    assert answer.status_code == 200
    report = answer.json()
    assert report["views"] == 2 * 11 * days * popups
    assert report["deleted_popups"]["views"] == 2 * 11 * days * (popups - 3)
    assert len(answer.content) < 512 * 1024


# The most days of so many popups that one statement adds up.
DAYS_OF_A_PART = {1: 366, 109: 366, 110: 363, 20_000: 2, 20_001: 1, 40_000: 1, 100_000: 1}


@pytest.mark.parametrize(("popups", "most"), DAYS_OF_A_PART.items())
def test_a_period_is_added_up_in_parts_of_a_bounded_size_each_day_once(popups: int, most: int) -> None:
    first, last = date(2024, 1, 1), date(2024, 12, 31)
    parts = parts_of({"first": first, "last": last}, popups)
    assert [day for part in parts for day in days_of(part)] == [first + timedelta(days=n) for n in range(366)]
    assert {len(days_of(part)) for part in parts[:-1]} <= {most}
    assert len(days_of(parts[0])) == most


def test_a_year_of_many_popups_is_the_sum_of_its_parts(reader: Client, shop: Shop, database: Database) -> None:
    """More days of popups than one statement adds up; some of a day in each part, and at their ends."""
    popups = [make_popup(database, shop) for _ in range(MAX_POPUP_DAYS // 366 + 20)]
    last = date(2026, 3, 3)
    first = last - timedelta(days=365)
    (begin, end), (begin_of_last, _) = (
        (part["first"], part["last"]) for part in parts_of({"first": first, "last": last}, len(popups) + 1)
    )
    assert (begin, begin_of_last) == (first, end + timedelta(days=1))
    days = [first, end, begin_of_last, last]
    for popup_id in popups[:2]:
        for day in map(str, days):
            tally(database, "daily_views", shop, popup_id, day, views=5, viewers=1)
            tally(
                database, "daily_conversions", shop, popup_id, day, type="click", currency="", conversions=3, revenue=0
            )
            tally(database, "daily_signals", shop, popup_id, day, kind="close", signals=2)
    for each, viewers in ((popups[0], 1), (NIL, 2)):
        for day in map(str, days):
            tally(database, "daily_converters", shop, each, day, type="click", converters=viewers)
        before = first - timedelta(days=9)
        for day, previous_day in ((str(end), before), (str(begin_of_last), before), (str(begin_of_last), first)):
            tally(database, "daily_returns", shop, each, day, previous_day=previous_day, viewers=viewers)
    for day in map(str, days):
        insert(database, "daily_shop_viewers", shop_id=shop.id, day=day, device_type="", viewers=2)
    report = reader.get(f"/shop?from={first}&to={last}&compare=previous").json()
    names = ("views", "unique_viewers", "active_viewers", "conversions", "closes", "converters")
    active = {first: 2, end: 4, begin_of_last: 6, last: 2}
    assert picked(report, *names) == (40, 8, 12, 24, 16, 8)
    assert {day["day"]: picked(day, *names) for day in report["by_day"] if day["views"]} == {
        str(day): (10, 2, active[day], 6, 4, 2) for day in days
    }
    assert [picked(each, *names) for each in report["by_device"]] == [(40, 8, 12, 24, 16, 8)]
    assert [picked(each, *names) for each in report["popups"][:3]] == [
        (20, 4, 6, 12, 8, 4),
        (20, 4, 4, 12, 8, 0),
        (0, 0, 0, 0, 0, 0),
    ]


def test_a_shops_report_knows_nothing_of_its_neighbours_tallies(reader: Client, database: Database) -> None:
    neighbour = make_shop(database)
    for popup_id in (make_popup(database, neighbour), NIL):
        tally(database, "daily_converters", neighbour, popup_id, "2026-03-01", type="click", converters=5)
    assert reader.get(f"/shop?{MARCH}").json()["converters"] == 0
