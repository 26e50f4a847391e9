"""Closed sets: each stands once in the code, is allowed by the database, and whatever else is stored breaks nothing."""

import re
from collections import Counter
from collections.abc import Iterator

import pytest

from common.shop.api_keys import RIGHTS
from common.shop.events import CONVERSION_TYPES
from common.shop.order_sources import PLATFORMS
from common.shop.orders import RECOGNISED_BY, SOURCES, STATES
from functions.manage_popups.discount_codes.schemas import TYPES
from functions.manage_popups.popups.history import ACTIONS
from functions.manage_popups.popups.schemas import STATUSES, TRIGGERS
from functions.manage_popups.subscribers.schemas import CONSENT_TYPES
from functions.track_view.schemas import SIGNALS
from tests.support.client import Client, assert_problem
from tests.support.factories import capture, conversion, make_popup, make_shop
from tests.support.stack import ROOT, Database, Stack, create_database, open_database
from tests.support.tracking import send_each, statuses

# What the code writes, by the CHECK of the column where it is stored.
STORED = {
    "api_keys_rights_known": RIGHTS,
    "discount_codes_type_known": TYPES,
    "email_consents_type_known": CONSENT_TYPES,
    "orders_recognised_by_known": RECOGNISED_BY,
    "orders_source_known": SOURCES,
    "orders_state_known": STATES,
    "order_sources_platform_known": PLATFORMS,
    "popup_conversions_type_known": CONVERSION_TYPES,
    "popup_versions_action_known": ACTIONS,
    "popup_signals_kind_known": SIGNALS,
    "popups_status_known": STATUSES,
}


def test_the_database_allows_what_the_code_writes(database: Database) -> None:
    """It may allow more: a migration comes before the code that needs it."""
    checks = database(
        """
        SELECT conname AS name, pg_get_constraintdef(oid) AS check
        FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND contype = 'c' AND coninhcount = 0
          AND pg_get_constraintdef(oid) ~ '= ANY \\(.*ARRAY\\['
        """
    )
    allowed = {row["name"]: set(re.findall(r"'([^']*)'", row["check"])) for row in checks}
    assert set(allowed) == set(STORED), "the CHECK of a closed set is named …_known: by that a 503 tells what is wrong"
    refused = {name: set(values) - allowed[name] for name, values in STORED.items()}
    assert not any(refused.values()), refused


def test_the_storefront_script_knows_every_trigger() -> None:
    types = (ROOT / "storefront" / "script" / "types.d.ts").read_text()
    (kinds,) = re.findall(r"interface Trigger \{\s*type: ([^;]*);", types)
    assert set(re.findall(r'"(\w+)"', kinds)) == set(TRIGGERS)


@pytest.fixture(scope="module")
def outdated(stack: Stack) -> Iterator[Database]:
    """Yield a database whose closed sets lack email captures."""
    url = create_database(stack.postgres, "outdated")
    with open_database(url) as opened:
        opened("ALTER TABLE popup_conversions DROP CONSTRAINT popup_conversions_type_known")
        opened("ALTER TABLE popup_conversions ADD CONSTRAINT popup_conversions_type_known CHECK (type = 'click')")
        yield opened


def test_a_type_that_the_database_does_not_know_is_refused_alone_and_told_as_that(
    stack: Stack, outdated: Database
) -> None:
    shop = make_shop(outdated)
    popup_id = make_popup(outdated, shop)
    function = stack.start_function("track_conversion", DATABASE_URL=outdated.url)
    jobs = [(function, conversion(popup_id)) for _ in range(60)]
    jobs[30] = (function, capture(popup_id, "ada@example.com"))
    answers = send_each(jobs)
    assert statuses(answers) == Counter({201: 59, 503: 1})
    assert_problem(answers[30], 503, "database_outdated")
    assert answers[30].headers["Retry-After"] == "30"
    assert any("popups migrate" in line["message"] for line in function.log_lines())
    function.stop()


def test_a_missing_column_is_told_as_a_missing_migration(stack: Stack, outdated: Database) -> None:
    outdated("ALTER TABLE shops DROP COLUMN never_on_pages")
    shop = make_shop(outdated)
    function = stack.start_function("get_active_popups", DATABASE_URL=outdated.url)
    assert_problem(Client(function).get(f"/?shop_id={shop.id}"), 503, "database_outdated")
    function.stop()
