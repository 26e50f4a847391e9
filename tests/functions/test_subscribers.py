"""Subscribers: listed, searched, exported, unsubscribed with their consent kept as proof, and erased for good."""

import contextlib
import csv
import io
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import psutil
import pytest

from common.config import load
from common.postgres import _database as database_module
from common.process import waits
from common.shop.api_keys import Key
from common.web import Request
from functions.manage_popups.subscribers.csv import PAGE_ROWS, export_subscribers
from tests.support.client import Client, assert_problem
from tests.support.factories import Shop, capture, conversion, insert, make_discount_code, make_popup, make_shop, view
from tests.support.stack import Database, FunctionProcess, Stack, eventually

MEBIBYTE = 1024 * 1024
TEXT = "Yes, write to me."


@pytest.fixture
def popup_id(database: Database, shop: Shop) -> str:
    return make_popup(database, shop, offer={"type": "email_capture", "consent_text": TEXT})


@pytest.fixture
def subscribe(track_conversion: FunctionProcess, popup_id: str) -> Callable[..., dict[str, Any]]:
    """Leaves an e-mail address, as a shopper does; returns the answer."""

    def leave(email: str, **fields: Any) -> dict[str, Any]:
        answer = Client(track_conversion).post(json=capture(fields.pop("popup", popup_id), email, **fields))
        assert answer.status_code == 201, answer.text
        return answer.json()

    return leave


def listed(merchant: Client, query: str = "") -> list[dict[str, Any]]:
    answer = merchant.get(f"/subscribers?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()["subscribers"]


def emails(subscribers: list[dict[str, Any]]) -> list[str]:
    return [subscriber["email"] for subscriber in subscribers]


def insert_many(database: Database, shop_id: str, popup_id: str, count: int) -> None:
    database(
        """
        INSERT INTO email_subscribers
            (id, shop_id, email, email_normalized, name, popup_id, consent_text, consented_at, created_at)
        SELECT gen_random_uuid(), :shop, 'person' || n || '@example.com', 'person' || n || '@example.com',
            'Person ' || n, :popup, :text, now(), now() - n * interval '1 second'
        FROM generate_series(1, :count) AS n
        """,
        shop=shop_id,
        popup=popup_id,
        text=TEXT,
        count=count,
    )
    # Or the planner takes the table for empty, and sorts it anew for every page, until autovacuum comes by.
    database("ANALYZE email_subscribers")


class TestList:
    def test_newest_first_in_pages_that_miss_and_repeat_nothing(self, merchant: Client, subscribe: Any) -> None:
        for name in "abcde":
            subscribe(f"{name}@example.com")
        first = merchant.get("/subscribers?limit=2").json()
        subscribe("f@example.com")
        second = merchant.get(f"/subscribers?limit=3&cursor={first['next_cursor']}").json()
        assert emails(first["subscribers"] + second["subscribers"]) == [f"{name}@example.com" for name in "edcba"]
        assert second["next_cursor"] is None

    def test_what_is_told_of_one(self, merchant: Client, subscribe: Any, popup_id: str) -> None:
        subscribe("Ann@Example.com", name="Ann", consent=True, consent_text=TEXT)
        (ann,) = listed(merchant)
        assert {name: ann[name] for name in ("email", "name", "popup_id", "is_active", "consent_text")} == {
            "email": "Ann@Example.com",
            "name": "Ann",
            "popup_id": popup_id,
            "is_active": True,
            "consent_text": TEXT,
        }
        assert ann["consented_at"] == ann["created_at"]
        assert ann["unsubscribed_at"] is None
        (consent,) = merchant.get(f"/subscribers/{ann['id']}").json().pop("consents")
        assert (consent["type"], consent["consent_text"], consent["popup_id"]) == ("given", TEXT, popup_id)

    def test_an_address_is_found_by_how_it_starts_however_it_is_typed(self, merchant: Client, subscribe: Any) -> None:
        for email in ("Ann@example.com", "anna@example.com", "bob@example.com", "a_n@example.com"):
            subscribe(email)
        assert emails(listed(merchant, "email=ANN")) == ["Ann@example.com", "anna@example.com"]
        assert emails(listed(merchant, "email=ann%40example.com")) == ["Ann@example.com"]
        assert emails(listed(merchant, "email=a_")) == ["a_n@example.com"]
        assert emails(listed(merchant, "email=%25")) == []
        first = merchant.get("/subscribers?email=a&limit=2").json()
        second = merchant.get(f"/subscribers?email=a&limit=2&cursor={first['next_cursor']}").json()
        assert emails(first["subscribers"] + second["subscribers"]) == [
            "a_n@example.com",
            "Ann@example.com",
            "anna@example.com",
        ]

    @pytest.mark.parametrize(
        "typed",
        ["ü@bücher.example", "\u00a0u\u0308@BU\u0308", "ü@xn--bcher-kva.example", "ü@xn--bcher-kva", "Ü@", "ü"],
        ids=ascii,
    )
    def test_an_address_is_found_in_any_spelling(self, merchant: Client, subscribe: Any, typed: str) -> None:
        subscribe("ü@xn--bcher-kva.example")
        subscribe("u@bucher.example")
        assert emails(listed(merchant, f"email={quote(typed)}")) == ["ü@xn--bcher-kva.example"]

    def test_by_popup_and_by_activity(
        self, merchant: Client, subscribe: Any, database: Database, shop: Shop, popup_id: str
    ) -> None:
        other = make_popup(database, shop)
        subscribe("ann@example.com")
        subscribe("bob@example.com", popup=other)
        subscribe("cid@example.com", popup=other)
        (cid,) = listed(merchant, "email=cid")
        assert merchant.post(f"/subscribers/{cid['id']}/unsubscribe").status_code == 200
        assert emails(listed(merchant, f"popup_id={popup_id}")) == ["ann@example.com"]
        assert emails(listed(merchant, "active=true")) == ["bob@example.com", "ann@example.com"]
        assert emails(listed(merchant, f"popup_id={other}&active=false")) == ["cid@example.com"]
        assert emails(listed(merchant, "email=b&active=false")) == []

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("limit=0", "limit"),
            ("limit=1000000000", "limit"),
            ("cursor=eA", "cursor"),
            ("popup_id=x", "popup_id"),
            ("active=1", "active"),
            ("email=", "email"),
            ("email=%00", "email"),
            ("email=" + "x" * 255, "email"),
            ("sort=email", "sort"),
        ],
    )
    def test_a_bad_query_is_refused(self, merchant: Client, query: str, field: str) -> None:
        assert_problem(merchant.get(f"/subscribers?{query}"), 422, "invalid", field)

    def test_a_cursor_of_another_list_is_refused(self, merchant: Client, subscribe: Any) -> None:
        subscribe("a@example.com")
        subscribe("b@example.com")
        cursor = merchant.get("/subscribers?limit=1").json()["next_cursor"]
        assert_problem(merchant.get(f"/subscribers?email=a&cursor={cursor}"), 422, "invalid", "cursor")


class TestConsent:
    def test_it_is_kept_as_proof_through_leaving_and_coming_back(
        self, merchant: Client, subscribe: Any, database: Database, popup_id: str
    ) -> None:
        subscribe("ann@example.com", consent=True, consent_text=TEXT)
        (ann,) = listed(merchant)
        for _ in range(2):
            left = merchant.post(f"/subscribers/{ann['id']}/unsubscribe")
            assert left.json() == {
                "id": ann["id"],
                "is_active": False,
                "unsubscribed_at": left.json()["unsubscribed_at"],
            }
        changed = {"offer": {"consent_text": "The second text"}}
        assert merchant.patch(f"/popups/{popup_id}", changed).status_code == 200
        subscribe("ann@example.com", consent=True, consent_text="The second text")
        shown = merchant.get(f"/subscribers/{ann['id']}").json()
        assert (shown["is_active"], shown["unsubscribed_at"]) == (True, None)
        told = [(each["type"], each["consent_text"], each["popup_version"]) for each in shown["consents"]]
        assert told == [("given", TEXT, 1), ("withdrawn", None, None), ("given", "The second text", 2)]
        assert shown["consents"][1]["recorded_at"] == left.json()["unsubscribed_at"]

    def test_the_same_event_twice_is_one_consent(
        self, merchant: Client, track_conversion: FunctionProcess, popup_id: str
    ) -> None:
        event = capture(popup_id, "ann@example.com", consent=True, consent_text=TEXT)
        assert [Client(track_conversion).post(json=event).status_code for _ in range(2)] == [201, 200]
        (ann,) = listed(merchant)
        assert len(merchant.get(f"/subscribers/{ann['id']}").json()["consents"]) == 1

    def test_consents_however_many_come_page_by_page_oldest_first(
        self, merchant: Client, subscribe: Any, database: Database, shop: Shop
    ) -> None:
        subscribe("ann@example.com", consent=True, consent_text=TEXT)
        (ann,) = listed(merchant)
        database(
            """INSERT INTO email_consents (shop_id, subscriber_id, id, type, consent_text, popup_id, popup_version,
                recorded_at)
            SELECT shop_id, subscriber_id, gen_random_uuid(), 'given', n::text, popup_id, 1,
                recorded_at + n / 10 * interval '1 hour'
            FROM email_consents, generate_series(1, 249) AS n WHERE shop_id = :shop_id""",
            shop_id=shop.id,
        )
        told: list[dict[str, Any]] = []
        cursor = ""
        for size in (100, 100, 50):
            answer = merchant.get(f"/subscribers/{ann['id']}?limit=100{cursor}").json()
            assert len(answer["consents"]) == size
            told += answer["consents"]
            cursor = f"&cursor={answer['next_cursor']}"
        assert answer["next_cursor"] is None
        assert [each["recorded_at"] for each in told] == sorted(each["recorded_at"] for each in told)
        assert {each["consent_text"] for each in told} == {TEXT, *map(str, range(1, 250))}

    def test_who_never_consented_withdraws_nothing(self, merchant: Client, subscribe: Any) -> None:
        subscribe("ann@example.com")
        (ann,) = listed(merchant)
        assert merchant.post(f"/subscribers/{ann['id']}/unsubscribe").json()["unsubscribed_at"]
        assert merchant.get(f"/subscribers/{ann['id']}").json()["consents"] == []

    def test_leaving_twice_with_one_key_is_one_answer_that_names_nobody(
        self, merchant: Client, subscribe: Any, database: Database
    ) -> None:
        subscribe("ann@example.com")
        (ann,) = listed(merchant)
        key = {"Idempotency-Key": "leave"}
        answers = [merchant.post(f"/subscribers/{ann['id']}/unsubscribe", headers=key).json() for _ in range(2)]
        assert answers[0] == answers[1]
        bodies = database("SELECT body FROM idempotency_keys WHERE body LIKE :id", id=f"%{ann['id']}%")
        assert bodies
        assert not any("@" in stored["body"] for stored in bodies)


class TestErasure:
    def test_nothing_of_the_person_stays_and_every_count_does(
        self,
        merchant: Client,
        database: Database,
        shop: Shop,
        track_view: FunctionProcess,
        track_conversion: FunctionProcess,
        stats: FunctionProcess,
    ) -> None:
        code_id = make_discount_code(database, shop, codes=[f"POOL-{uuid.uuid4().hex}" for _ in range(3)])
        popup_id = make_popup(
            database,
            shop,
            offer={"type": "email_capture", "discount_code_id": code_id, "consent_text": TEXT},
            variants=[{"id": "a"}],
        )
        ann = {"visitor_id": f"visitor-{uuid.uuid4()}", "session_id": f"visit-{uuid.uuid4()}"}
        later = {**ann, "session_id": f"visit-{uuid.uuid4()}"}
        bob = {"visitor_id": f"visitor-{uuid.uuid4()}", "session_id": f"visit-{uuid.uuid4()}"}
        page = {"page_url": "https://shop.example/account/ann", "referrer": "https://shop.example/ann"}
        views = [view(popup_id, **each, **page) for each in (ann, ann, later)]
        views.append(view(popup_id, **bob))
        views.append(view(popup_id, variant_id="holdout", **later))
        assert Client(track_view).post(json={"events": views}).status_code == 202
        events = [
            capture(popup_id, "ann.erased@example.com", consent=True, consent_text=TEXT, metadata={"n": "Ann"}, **ann),
            conversion(popup_id, metadata={"n": "Ann"}, **later),
            capture(popup_id, "bob@example.com", consent=True, consent_text=TEXT, metadata={"n": "Bob"}, **bob),
        ]
        for event in events:
            assert Client(track_conversion).post(json=event).status_code == 201

        def numbers() -> list[Any]:
            report = Client(stats, shop.read_key).get(f"/popups/{popup_id}").json()
            distinct = database(
                "SELECT count(*), count(DISTINCT visitor_id), count(DISTINCT session_id) FROM popup_views "
                "WHERE popup_id = :id",
                id=popup_id,
            )
            return [report["views"], report["unique_viewers"], report["conversions"], distinct]

        asked = {"shop_id": shop.id, "source_id": shop.source_id, "request_id": "99", "customer_id": "5"}
        insert(database, "order_source_requests", **asked, email="Ann.Erased@Example.com")
        eventually(lambda: numbers()[:3] == [4, 2, 3])
        before = numbers()
        (person,) = listed(merchant, "email=ann.erased")
        assert merchant.delete(f"/subscribers/{person['id']}").status_code == 204

        traces = [person["id"], "ann", *ann.values(), later["session_id"]]
        for table in tables_of(database):
            for trace in traces:
                found = database(f"SELECT * FROM {table} AS t WHERE shop_id = :shop AND t::text ~* :trace",
                                 shop=shop.id, trace=rf"(^|\W){trace}(\W|$)")  # fmt: skip
                assert not found, (table, trace)
        assert numbers() == before
        assert emails(listed(merchant)) == ["bob@example.com"]
        (request,) = merchant.get(f"/order-sources/{shop.source_id}/requests").json()["requests"]
        assert (request["email"], request["customer_id"]) == (None, "5")
        kept = database("SELECT metadata FROM popup_conversions WHERE visitor_id = :id", id=bob["visitor_id"])
        assert kept == [{"metadata": {"n": "Bob"}}]
        claims = database("SELECT count(claimed_by) AS claimed FROM single_use_codes WHERE shop_id = :id", id=shop.id)
        assert claims == [{"claimed": 2}]
        assert_problem(merchant.delete(f"/subscribers/{person['id']}"), 404, "subscriber_not_found")
        # The shopper's browser may still repeat what it sent before: that changes nothing and brings nobody back.
        assert Client(track_conversion).post(json=events[0]).status_code == 200
        assert emails(listed(merchant)) == ["bob@example.com"]

    def test_a_read_key_and_another_shop_erase_nobody(
        self, merchant: Client, manage_popups: FunctionProcess, database: Database, shop: Shop, subscribe: Any
    ) -> None:
        subscribe("ann@example.com")
        (ann,) = listed(merchant)
        other = Client(manage_popups, make_shop(database).write_key)
        assert_problem(Client(manage_popups, shop.read_key).delete(f"/subscribers/{ann['id']}"), 403)
        assert_problem(other.delete(f"/subscribers/{ann['id']}"), 404, "subscriber_not_found")
        assert_problem(other.post(f"/subscribers/{ann['id']}/unsubscribe"), 404, "subscriber_not_found")
        assert_problem(other.get(f"/subscribers/{ann['id']}"), 404, "subscriber_not_found")
        assert listed(merchant) == [ann]


def tables_of(database: Database) -> list[str]:
    """Every table with a shop's rows."""
    return [
        row["table_name"]
        for row in database(
            "SELECT table_name FROM information_schema.columns JOIN pg_class ON relname = table_name "
            "WHERE column_name = 'shop_id' AND table_schema = 'public' AND NOT relispartition"
        )
    ]


class TestCsv:
    def test_it_is_what_rfc_4180_says_and_no_spreadsheet_takes_a_cell_for_a_formula(
        self, merchant: Client, database: Database, shop: Shop, popup_id: str
    ) -> None:
        names = [
            "=1+1",
            "+1",
            "-1",
            "@x",
            "\tx",
            "\rx",
            'say "hi", twice\r\n',
            "Zoë",
            "\uff1dx",
            None,
            "a;=1+1",
            "b\n@x",
            " =1+1",
            "\u00a0\u200b+1",
            "\ufeff@x",
            "a| -1",
            "\ufe66x",
        ]
        for number, name in enumerate(names):
            email = f"{number}@example.com"
            insert(
                database, "email_subscribers", id=str(uuid.uuid4()), shop_id=shop.id, popup_id=popup_id, name=name,
                email=email, email_normalized=email,
            )  # fmt: skip
        answer = merchant.get("/subscribers.csv")
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="subscribers.csv"'
        assert answer.content.startswith(b"\xef\xbb\xbf")  # or Excel would not take it for UTF-8
        text = answer.content.decode("utf-8-sig")
        assert text.endswith("\r\n")
        header, *rows = csv.reader(io.StringIO(text, newline=""))
        assert header[:4] == ["email", "name", "is_active", "popup_id"]
        told = {row[0]: row[1] for row in rows}
        harmless = ["'=1+1", "'+1", "'-1", "'@x", "'\tx", "'\rx", 'say "hi", twice\r\n', "Zoë", "'\uff1dx", ""]
        harmless += ["a;'=1+1", "b\n'@x", "' =1+1", "'\u00a0\u200b+1", "'\ufeff@x", "a|' -1", "'\ufe66x"]
        assert told == {f"{number}@example.com": name for number, name in enumerate(harmless)}

    def test_it_is_compressed_for_who_accepts_that(
        self, merchant: Client, database: Database, shop: Shop, popup_id: str
    ) -> None:
        insert_many(database, shop.id, popup_id, 2_500)
        plain = merchant.get("/subscribers.csv", headers={"Accept-Encoding": "identity"})
        zipped = merchant.get("/subscribers.csv", headers={"Accept-Encoding": "gzip"})
        assert "Content-Encoding" not in plain.headers
        assert zipped.headers["Content-Encoding"] == "gzip"
        assert "Accept-Encoding" in zipped.headers["Vary"]
        assert zipped.content == plain.content
        assert plain.content.count(b"\r\n") == 2_501
        head = merchant("HEAD", "/subscribers.csv", headers={"Accept-Encoding": "gzip"})
        assert (head.status_code, head.content, head.headers["Content-Encoding"]) == (200, b"", "gzip")

    def test_it_has_the_filters_of_the_list_and_no_other_shops_people(
        self, merchant: Client, manage_popups: FunctionProcess, database: Database, subscribe: Any, popup_id: str
    ) -> None:
        subscribe("ann@example.com")
        subscribe("bob@example.com")
        for query, count in (("", 3), (f"popup_id={popup_id}&email=b&active=true", 2), ("active=false", 1)):
            assert len(merchant.get(f"/subscribers.csv?{query}").text.splitlines()) == count
        stranger = Client(manage_popups, make_shop(database).read_key)
        assert len(stranger.get("/subscribers.csv").text.splitlines()) == 1
        assert_problem(merchant.get("/subscribers.csv?limit=5"), 422, "invalid", "limit")
        assert_problem(merchant.get("/subscribersXcsv"), 404, "not_found")

    def test_it_streams_at_constant_memory_and_keeps_no_connection(
        self, start_function: Callable[..., FunctionProcess], database: Database, shop: Shop, popup_id: str
    ) -> None:
        insert_many(database, shop.id, popup_id, 100_000)  # 15 MB of CSV, several times that as Python's objects
        function = start_function("manage_popups", DB_POOL_MAX="2", DB_POOL_MIN="0", DB_CONNECTION_TIMEOUT="2000")
        merchant = Client(function, shop.read_key)
        assert merchant.get("/subscribers.csv?email=person77").status_code == 200
        with memory_watched(function) as samples, merchant.get("/subscribers.csv", stream=True) as answer:
            lines = sum(part.count(b"\n") for part in answer.iter_content(MEBIBYTE // 4))
        assert lines == 100_001
        grown = max(samples) - samples[0]
        assert grown < 10 * MEBIBYTE, f"{grown / MEBIBYTE:.0f} MiB"

        # Those who read slowly, or walk away half way, are more than there are connections, and keep none from others.
        with contextlib.ExitStack() as reading:
            for _ in range(4):
                reading.enter_context(begin_to_read(function, "/subscribers.csv", shop.read_key))
            assert merchant.get("/subscribers?limit=1").status_code == 200
        assert merchant("HEAD", "/subscribers.csv").status_code == 200
        assert merchant.get("/subscribers?limit=1").status_code == 200
        database("DELETE FROM email_subscribers WHERE shop_id = :id", id=shop.id)


def begin_to_read(function: FunctionProcess, path: str, key: str) -> socket.socket:
    """Asks for it, and takes no more of it than its beginning, not even into a buffer."""
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.connect(("127.0.0.1", function.port))
    reader.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n".encode())
    assert reader.recv(1000).startswith(b"HTTP/1.1 200")
    return reader


@contextlib.contextmanager
def memory_watched(function: FunctionProcess) -> Iterator[list[int]]:
    """Its memory again and again, also while it has nothing to send yet."""
    samples, done = [memory_of(function)], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            samples.append(memory_of(function))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield samples
    finally:
        done.set()
        watcher.join()


@pytest.fixture
def exporting(stack: Stack, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Request]:
    """Yield a request for the CSV in this process, with connections of its own."""
    config = load({"DATABASE_URL": stack.database_url})
    monkeypatch.setattr(database_module, "settings", lambda: config)
    pool = database_module._pool.__wrapped__(False)  # type: ignore[attr-defined]
    monkeypatch.setattr(database_module, "_pool", lambda replica: pool)
    waits.start()
    query = dict.fromkeys(("email", "popup_id", "active"))
    key = Key(str(uuid.uuid4()), shop.id, "read", checked_at=0)

    async def receive(_: int) -> bytes:
        return b""

    yield Request("GET", "/subscribers.csv", "", {}, receive, "127.0.0.1", query=query, key=key)
    waits.start()
    pool.close_idle()


def test_short_waits_for_connections_do_not_add_up_to_the_end_of_an_export(
    exporting: Request, database: Database, shop: Shop, popup_id: str
) -> None:
    pages = 3
    insert_many(database, shop.id, popup_id, pages * PAGE_ROWS)
    answer = export_subscribers(exporting)
    exported = answer.body
    waited = waits.current()
    for _ in range(pages):
        waited["connection"] = waited.get("connection", 0.0) + 6
        exported += next(answer.rest)
    assert len(exported.splitlines()) == 1 + pages * PAGE_ROWS


def memory_of(function: FunctionProcess) -> int:
    """Resident bytes of the server and its workers."""
    main = psutil.Process(function.pid)
    return sum(process.memory_info().rss for process in (main, *main.children(recursive=True)))
