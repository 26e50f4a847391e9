"""Edits that meet others: made on the newer version a few times, and refused after that."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from functions.manage_popups.rest.patching import MAX_TRIES
from tests.support.client import Client, assert_problem
from tests.support.stack import Database

# What is edited and how; the rows of which table say that somebody else was faster.
EDITS = {
    "the shop": ("shops", "PATCH", "/shop", {"name": "New"}),
    "a popup": ("popups", "PATCH", "/popups/{popup}", {"name": "New"}),
    "a popup that goes": ("popups", "DELETE", "/popups/{popup}", None),
    "a discount code": ("discount_codes", "PATCH", "/discount-codes/{code}", {"value": "7.00"}),
}
TRIED_ONCE = {
    "a popup that comes back": ("popups", "POST", "/popups/{popup}/rollback", {"version": 1}),
    "a new popup": ("popups", "POST", "/popups", {"name": "New"}),
}


@pytest.fixture
def edit(merchant: Client) -> Callable[..., Any]:
    """Return a function that sends an edit of EDITS to a discount code of the shop and a popup that offers it."""
    code = merchant.post("/discount-codes", json={"type": "fixed", "value": "5.00"}).json()["id"]
    offer = {"type": "discount", "discount_code_id": code}
    popup = merchant.post("/popups", json={"name": "Old", "offer": offer}).json()["id"]

    def send(method: str, path: str, body: Any) -> Any:
        return merchant(method, path.format(popup=popup, code=code), json=body)

    return send


@contextmanager
def others_first(database: Database, table: str, times: int) -> Iterator[None]:
    """So many writes to the table find that the row is no longer what they have read."""
    name = f"others_{uuid.uuid4().hex}"
    database(f"CREATE SEQUENCE {name}")
    database(
        f"""
        CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
        'BEGIN RETURN CASE WHEN nextval(''{name}'') > {times} THEN new END; END'
        """
    )
    database(f"CREATE TRIGGER {name} BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")
    try:
        yield
    finally:
        database(f"DROP FUNCTION {name} CASCADE")
        database(f"DROP SEQUENCE {name}")


def everything(merchant: Client) -> list[Any]:
    return [merchant.get(path).json() for path in ("/shop", "/popups", "/discount-codes")]


@pytest.mark.parametrize(("table", "method", "path", "body"), EDITS.values(), ids=EDITS)
def test_an_edit_that_meets_others_is_made_on_what_they_left(
    database: Database, merchant: Client, edit: Any, table: str, method: str, path: str, body: Any
) -> None:
    before = everything(merchant)
    with others_first(database, table, times=MAX_TRIES - 1):
        answer = edit(method, path, body)
    assert answer.ok, answer.text
    assert body is None or answer.json() == answer.json() | body
    assert everything(merchant) != before


@pytest.mark.parametrize(
    ("table", "method", "path", "body"), (EDITS | TRIED_ONCE).values(), ids=(EDITS | TRIED_ONCE).keys()
)
def test_an_edit_that_others_are_always_faster_than_is_a_conflict_and_changes_nothing(
    database: Database, merchant: Client, edit: Any, table: str, method: str, path: str, body: Any
) -> None:
    before = everything(merchant)
    with others_first(database, table, times=MAX_TRIES):
        assert_problem(edit(method, path, body), 409, "conflict")
    assert everything(merchant) == before
