"""Clients as storefronts are: each sends its events one after the other, again and again until they are accepted."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.support.factories import capture, conversion, make_discount_code, make_popup, make_shop, purchase, view
from tests.support.stack import Database, FunctionProcess
from tests.support.tracking import assert_tallies_equal_events

CLIENTS = 12
CODES = 40
REQUEST_SECONDS = 3
LAST_RETRIES_SECONDS = 15
ACCEPTED = {200, 201, 202}
# What a client may hear while something is broken; nothing else, and no other 500.
UNAVAILABLE = 503


@dataclass
class Load:
    """What is sent to the two tracking functions while a test breaks something."""

    database: Database = field(repr=False)
    functions: Callable[[str], FunctionProcess] = field(repr=False)
    accepted: list[dict[str, Any]] = field(default_factory=list, repr=False)
    unavailable: int = 0
    unanswered: int = 0
    unexpected: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.shop = make_shop(self.database)
        codes = [f"CODE-{number}" for number in range(CODES)]
        offer = {"type": "email_capture", "discount_code_id": make_discount_code(self.database, self.shop, codes)}
        self.popups = [make_popup(self.database, self.shop, offer=offer, variants=[{"id": "a"}]) for _ in range(2)]
        self._stop = threading.Event()

    def failures(self) -> int:
        return self.unavailable + self.unanswered

    @contextmanager
    def running(self) -> Iterator[None]:
        """Clients send during the block; after it each brings its last event home."""
        clients = [threading.Thread(target=self._be_a_client, args=[number]) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        try:
            self.until_accepted(30)
            yield
            self.until_accepted(30)
        finally:
            self._stop.set()
            for client in clients:
                client.join(LAST_RETRIES_SECONDS)
        assert not any(client.is_alive() for client in clients), "an event was not accepted in time"

    def until_accepted(self, more: int) -> None:
        self._until(lambda: len(self.accepted), more)

    def until_failed(self, more: int = 1) -> None:
        self._until(self.failures, more)

    def assert_kept_once(self) -> None:
        """Assert that what was accepted is stored once, nothing twice, and that the tallies are the events' sums."""
        assert self.unexpected == []
        for table in ("popup_views", "popup_conversions"):
            is_view = table == "popup_views"
            accepted = Counter(event["event_id"] for event in self.accepted if is_view == ("type" not in event))
            rows = self.database(f"SELECT event_id FROM {table} WHERE shop_id = :id", id=self.shop.id)
            stored = Counter(str(row["event_id"]) for row in rows)
            assert (f"{table} lost", list(accepted - stored)[:3]) == (f"{table} lost", [])
            assert (f"{table} made up", list(stored - accepted)[:3]) == (f"{table} made up", [])
        assert_tallies_equal_events(self.database, self.shop.id)
        self._assert_codes_went_to_one_each()

    def _assert_codes_went_to_one_each(self) -> None:
        issued = self.database(
            "SELECT issued_code ->> 'code' AS code FROM popup_conversions"
            " WHERE shop_id = :id AND issued_code IS NOT NULL",
            id=self.shop.id,
        )
        claimed = self.database(
            "SELECT code FROM single_use_codes WHERE shop_id = :id AND claimed_by IS NOT NULL", id=self.shop.id
        )
        codes = [row["code"] for row in issued]
        assert sorted(codes) == sorted(row["code"] for row in claimed)
        assert len(codes) == len(set(codes))

    def _until(self, count: Callable[[], int], more: int) -> None:
        wanted, deadline = count() + more, time.monotonic() + LAST_RETRIES_SECONDS
        while count() < wanted:
            assert time.monotonic() < deadline, f"{count()} of {wanted}; {self}"
            time.sleep(0.01)

    def _be_a_client(self, number: int) -> None:
        function = "track_conversion" if number % 3 == 0 else "track_view"
        sent = 0
        while not self._stop.is_set():
            events = self._new_events(function, number, sent)
            self._send_until_accepted(function, events)
            self.accepted += events
            sent += 1

    def _new_events(self, function: str, number: int, sent: int) -> list[dict[str, Any]]:
        popup_id = random.choice(self.popups)
        if function == "track_view":
            return [view(popup_id, visitor_id=f"v{random.randrange(50)}") for _ in range(random.choice((1, 1, 5)))]
        name = f"{number}-{sent}"
        kinds = [conversion(popup_id), purchase(popup_id, name), capture(popup_id, f"{name}@example.com")]
        return [random.choice(kinds)]

    def _send_until_accepted(self, function: str, events: list[dict[str, Any]]) -> None:
        body = events[0] if len(events) == 1 else {"events": events}
        while True:
            try:
                answer = requests.post(self.functions(function).url, json=body, timeout=REQUEST_SECONDS)
            except requests.RequestException:
                self.unanswered += 1
            else:
                if answer.status_code in ACCEPTED:
                    return
                self._note_refusal(answer)
            time.sleep(0.05)

    def _note_refusal(self, answer: requests.Response) -> None:
        if answer.status_code == UNAVAILABLE and int(answer.headers["Retry-After"]) >= 1:
            self.unavailable += 1
        else:
            self.unexpected.append(f"{answer.status_code} {answer.text}")
