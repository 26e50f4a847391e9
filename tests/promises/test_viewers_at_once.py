"""A viewer whom two statements meet at once counts once for each popup and once for the shop, whichever comes first."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from cli.upkeep.recount import recount
from functions.track_conversion.queries import INSERT_PLAIN_CONVERSIONS
from functions.track_view.queries import INSERT_PLAIN_VIEWS
from tests.promises.test_tallies import let_a_day_pass
from tests.support.factories import conversion, make_popup, make_shop, uuid7, view
from tests.support.stack import Database, eventually, open_database
from tests.support.tracking import assert_tallies_equal_events

A_DAY = "a day"
# What was before; then what two transactions do, of which the second begins before the first ends. "view A B" is one
# statement with a view of each of these popups.
AT_ONCE: dict[str, tuple[list[str], str, str]] = {
    "new, of one popup": ([], "view A", "view A"),
    "new, of two popups": ([], "view A", "view B"),
    "new, of several popups each": ([], "view A B", "view B C"),
    "new, clicks at what is seen": ([], "view A", "click A"),
    "new, clicks there and elsewhere": ([], "view B", "click A B"),
    "new, clicks elsewhere": ([], "view A", "click B"),
    "clicks before it is seen": ([], "click A", "view A"),
    "clicks before another is seen": ([], "click A", "view B"),
    "clicks twice before anything is seen": ([], "click A", "click B"),
    "a second and a third popup": (["view A"], "view B", "view C"),
    "a second popup, and both": (["view A"], "view B", "view A B"),
    "a second popup, and the first again": (["view A"], "view B", "view A"),
    "a second popup, and a click at the first": (["view A"], "view B", "click A"),
    "a click at a second popup, and its view": (["view A"], "click B", "view B"),
    "the first again, another day": (["view A", A_DAY], "view A", "view A"),
    "a second popup, and the first, another day": (["view A", A_DAY], "view B", "view A"),
    "who clicked before, another day": (["click A", A_DAY], "view A", "view B"),
}


class Shopping:
    """One viewer of a shop with three popups, and the statements that store what the viewer does."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.shop = make_shop(database)
        self.popups = {name: make_popup(database, self.shop) for name in "ABC"}

    def does(self, what: str, database: Database | None = None) -> None:
        if what == A_DAY:
            let_a_day_pass(self.database, self.shop.id)
            return
        kind, *names = what.split()
        make, sql = (view, INSERT_PLAIN_VIEWS) if kind == "view" else (conversion, INSERT_PLAIN_CONVERSIONS)
        rows = [
            {
                **make(self.popups[name], visitor_id="ann", device_type="mobile"),
                "position": position,
                "origin": 0,
                "claimer": "viewer:ann",
                "new_subscriber_id": uuid7(),
            }
            for position, name in enumerate(names)
        ]
        answers: list[dict[str, Any]] = (database or self.database)(sql, events=json.dumps(rows), origins="[null]")
        assert not any(answer["refusal"] for answer in answers)

    def does_at_once(self, first: str, second: str) -> None:
        """Run the second until it waits for a row of the first, or ends, if it needs none; then commit the first."""
        url = self.database.url
        with ThreadPoolExecutor(1) as pool, open_database(url) as other, open_database(url) as one:
            pid = other.value("SELECT pg_backend_pid()")
            one("BEGIN")
            self.does(first, one)
            doing = pool.submit(self.does, second, other)
            eventually(lambda: doing.done() or self.waits(pid))
            one("COMMIT")
            doing.result(20)

    def assert_is_counted_right(self) -> None:
        """Compare tallies and rows with the events. When first seen is left out: ids do not become a day older."""
        assert_tallies_equal_events(self.database, self.shop.id)
        rows = self.rows()
        assert len({row["popup_id"] for row in rows}) == len(rows)
        assert recount(self.database._connection, self.shop.id, say=lambda line: None) == 0
        assert self.rows() == rows

    def rows(self) -> list[dict[str, Any]]:
        columns = "popup_id, is_holdout, first_day, variant_id, device_type, last_day, did"
        return self.database(
            f"SELECT {columns} FROM viewers_of_popups WHERE shop_id = :id ORDER BY popup_id", id=self.shop.id
        )

    def waits(self, pid: int) -> bool:
        return bool(self.database.value("SELECT cardinality(pg_blocking_pids(:pid)) > 0", pid=pid))


@pytest.mark.parametrize(("before", "first", "second"), AT_ONCE.values(), ids=AT_ONCE)
def test_of_two_statements_at_once_each_counts_what_the_other_does_not(
    database: Database, before: list[str], first: str, second: str
) -> None:
    """And so does what comes after them, also on another day."""
    shopping = Shopping(database)
    for what in before:
        shopping.does(what)
    shopping.does_at_once(first, second)
    assert_tallies_equal_events(database, shopping.shop.id)
    for what in ("click A B", "view C A", A_DAY, "view B", "click C", "view A B C"):
        shopping.does(what)
    shopping.assert_is_counted_right()
