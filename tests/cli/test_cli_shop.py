"""`popups shop` and `popups key`, as an operator types them."""

import base64
import http.server
import itertools
import json
import subprocess
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import click
import pytest
import requests

from cli import google_cloud, shops
from common.config import load
from common.postgres.connect import connect
from common.postgres.driver import Connection
from tests.support.stack import Database, FunctionProcess, Stack, create_database

Popups = Callable[..., subprocess.CompletedProcess[str]]

_numbers = itertools.count(1)


@pytest.fixture
def popups(stack: Stack) -> Popups:
    return stack.popups


@pytest.fixture
def shop_id(popups: Popups) -> str:
    shop_id = f"cli-shop-{next(_numbers)}"
    assert popups("shop", "create", shop_id, "--name", "A shop").returncode == 0
    return shop_id


def assert_one_plain_line(result: subprocess.CompletedProcess[str], *words: str) -> None:
    assert result.returncode == 1, result
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert "Traceback" not in line
    for word in words:
        assert word in line


def test_a_shop_is_made_with_everything_the_operator_said(popups: Popups, database: Database) -> None:
    origins = ["--origin", "https://acme.example", "--origin", "http://localhost:3000"]
    place = ["--time-zone", "America/New_York", "--currency", "CAD"]
    assert popups("shop", "create", "acme.made", "--name", "Acme Ltd", *origins, *place).returncode == 0
    (shop,) = database("SELECT name, time_zone, currency, allowed_origins FROM shops WHERE id = :id", id="acme.made")
    assert shop == {
        "name": "Acme Ltd",
        "time_zone": "America/New_York",
        "currency": "CAD",
        "allowed_origins": ["https://acme.example", "http://localhost:3000"],
    }


def test_a_shop_that_exists_is_refused_and_left_alone(popups: Popups, shop_id: str, database: Database) -> None:
    assert_one_plain_line(popups("shop", "create", shop_id, "--name", "Another"), shop_id, "already")
    assert database.value("SELECT name FROM shops WHERE id = :id", id=shop_id) == "A shop"


@pytest.mark.parametrize(
    ("shop_id", "options", "field"),
    [
        ("a/b", [], "shop_id"),
        ("x" * 65, [], "shop_id"),
        (".hidden", [], "shop_id"),
        ("no-name", ["--name", ""], "name"),
        ("blank-name", ["--name", " "], "name"),
        ("zone", ["--time-zone", "Mars/Olympus"], "time_zone"),
        ("currency", ["--currency", "eur"], "currency"),
        ("currency", ["--currency", "EURO"], "currency"),
        ("origin", ["--origin", "acme.example"], "allowed_origins"),
        ("origin", ["--origin", "https://acme.example/path"], "allowed_origins"),
        ("origin", ["--origin", "https://acme.example", "--origin", "*"], "allowed_origins"),
    ],
    ids=[
        "an id with a slash",
        "an id of 65 characters",
        "an id that begins with a dot",
        "an empty name",
        "a name of a blank",
        "a time zone nobody knows",
        "a currency in lower case",
        "a currency of four letters",
        "an origin without its scheme",
        "an origin with a path",
        "a bad origin beside a good one",
    ],
)
def test_a_bad_value_is_named_in_one_line_and_nothing_is_made(
    popups: Popups, database: Database, shop_id: str, options: list[str], field: str
) -> None:
    assert_one_plain_line(popups("shop", "create", shop_id, "--name", "A shop", *options), f"{field}: ")
    assert database.value("SELECT count(*) FROM shops WHERE id = :id", id=shop_id) == 0


def test_a_key_is_alone_on_stdout_and_opens_its_shop(
    popups: Popups, shop_id: str, manage_popups: FunctionProcess
) -> None:
    created = popups("key", "create", shop_id, "--rights", "write")
    assert created.stdout.splitlines() == [created.stdout.strip()]
    headers = {"Authorization": f"Bearer {created.stdout.strip()}"}
    assert requests.get(f"{manage_popups.url}/shop", headers=headers, timeout=10).json()["id"] == shop_id


@pytest.mark.parametrize("name", [" ", "x" * 201], ids=["a blank", "too long"])
def test_a_key_with_a_bad_name_is_not_made(popups: Popups, shop_id: str, name: str) -> None:
    assert_one_plain_line(popups("key", "create", shop_id, "--rights", "read", "--name", name), "name: ")
    assert popups("key", "list", shop_id).stdout == ""


def test_a_key_is_stored_only_as_its_sha256(popups: Popups, shop_id: str, database: Database) -> None:
    key = popups("key", "create", shop_id, "--rights", "read").stdout.strip()
    (row,) = database("SELECT api_keys::text AS everything FROM api_keys WHERE shop_id = :id", id=shop_id)
    assert key not in row["everything"]
    assert database.value("SELECT count(*) FROM api_keys WHERE key_sha256 = sha256(:key::text::bytea)", key=key) == 1


def test_a_read_key_cannot_write(popups: Popups, shop_id: str, manage_popups: FunctionProcess) -> None:
    key = popups("key", "create", shop_id, "--rights", "read").stdout.strip()
    headers = {"Authorization": f"Bearer {key}"}
    answer = requests.patch(f"{manage_popups.url}/shop", json={"name": "Mine"}, headers=headers, timeout=10)
    assert (answer.status_code, answer.json()["code"]) == (403, "key_lacks_right")


def test_a_key_for_a_shop_nobody_made_is_refused(popups: Popups) -> None:
    assert_one_plain_line(popups("key", "create", "nobody", "--rights", "read"), "nobody")


@pytest.mark.parametrize("words", [["migrate"], ["migrate", "--status"], ["key", "create", "acme", "--rights", "read"]])
@pytest.mark.parametrize(
    ("env", "complaint"),
    [
        ({"DATABASE_URL": ""}, "DATABASE_URL is unset"),
        ({"DATABASE_URL": "mysql://localhost/x"}, "DATABASE_URL"),
        ({"DB_POOL_MAX": "many"}, "DB_POOL_MAX is 'many'"),
        ({"DATABASE_URL": "postgresql://u:secret@127.0.0.1:1/x"}, "cannot be reached"),
        ({"DATABASE_URL": "postgresql://u:secret@nowhere.invalid/x"}, "cannot be reached"),
    ],
    ids=["no database named", "another kind of database", "a bad number", "nobody listens", "no such host"],
)
def test_an_unusable_environment_is_one_plain_line_without_secrets(
    popups: Popups, words: list[str], env: dict[str, str], complaint: str
) -> None:
    result = popups(*words, **env)
    assert_one_plain_line(result, complaint)
    assert "secret@" not in result.stderr


@pytest.mark.parametrize(
    "words",
    [["shop", "create", "a", "--name", "A"], ["key", "create", "a", "--rights", "read"], ["retain", "--days", "30"]],
    ids=lambda words: words[0],
)
def test_a_database_that_was_not_migrated_is_one_plain_line(popups: Popups, stack: Stack, words: list[str]) -> None:
    url = create_database(stack.postgres, f"empty-{uuid.uuid4().hex[:8]}", migrated=False)
    assert_one_plain_line(popups(*words, DATABASE_URL=url), "popups migrate")


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["dev"],
        ["migrate"],
        ["shop"],
        ["shop", "create"],
        ["shop", "list"],
        ["shop", "export"],
        ["shop", "delete"],
        ["key"],
        ["key", "create"],
        ["key", "list"],
        ["key", "revoke"],
    ],
    ids=lambda words: " ".join(words) or "popups",
)
def test_every_command_explains_itself_without_a_database(popups: Popups, words: list[str]) -> None:
    explained = popups(*words, "--help", DATABASE_URL="")
    assert explained.returncode == 0
    assert explained.stdout.startswith("Usage: popups")


class SecretManager(http.server.BaseHTTPRequestHandler):
    """The metadata server and Secret Manager: gives tokens, and keeps what is added to `kept`, unless that is None."""

    kept: dict[str, str] | None

    def do_GET(self) -> None:
        assert self.headers["Metadata-Flavor"] == "Google"
        self._answer(200, {"access_token": "a-token"})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.headers["Authorization"] == "Bearer a-token"
        kept = type(self).kept
        if kept is None:
            self._answer(403, {})
            return
        kept[self.path] = base64.b64decode(body["payload"]["data"]).decode()
        self._answer(200, {"name": f"{self.path.removesuffix(':addVersion')}/versions/7"})

    def _answer(self, status: int, content: dict[str, str]) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def in_google_cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[SecretManager]]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), SecretManager) as server:
        threading.Thread(target=server.serve_forever).start()
        for name in ("ACCOUNT", "SECRETS"):
            monkeypatch.setattr(google_cloud, name, f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setattr(shops, "settings", lambda: load({"GOOGLE_CLOUD_PROJECT": "acme-shop"}))
        yield SecretManager
        server.shutdown()


def test_a_key_can_go_to_a_secret_and_is_seen_by_nobody_else(
    in_google_cloud: type[SecretManager], stack: Stack, shop_id: str, manage_popups: FunctionProcess
) -> None:
    in_google_cloud.kept = {}
    connection = Connection(connect(load({"DATABASE_URL": stack.database_url})))
    said = shops.create_key_in_secret(connection, shop_id, "write", "console", "acme-key")
    connection.close()
    assert said == "acme-key:7"
    ((path, key),) = in_google_cloud.kept.items()
    assert path == "/projects/acme-shop/secrets/acme-key:addVersion"
    headers = {"Authorization": f"Bearer {key}"}
    assert requests.get(f"{manage_popups.url}/shop", headers=headers, timeout=10).json()["id"] == shop_id


def test_a_key_that_could_not_be_given_to_anybody_is_none(
    in_google_cloud: type[SecretManager], stack: Stack, shop_id: str, database: Database
) -> None:
    in_google_cloud.kept = None
    connection = Connection(connect(load({"DATABASE_URL": stack.database_url})))
    with pytest.raises(click.ClickException, match="does not answer as it does to a job inside it"):
        shops.create_key_in_secret(connection, shop_id, "write", "console", "acme-key")
    connection.close()
    assert database("SELECT id FROM api_keys WHERE shop_id = :id", id=shop_id) == []


def test_a_secret_needs_a_project(popups: Popups, shop_id: str) -> None:
    done = popups("key", "create", shop_id, "--rights", "read", "--to-secret", "acme-key")
    assert_one_plain_line(done, "GOOGLE_CLOUD_PROJECT is unset")
