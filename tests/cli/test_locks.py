"""Changes to tables in use: views go on while one waits for its lock behind a long query."""

import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pg8000.core import CoreConnection

from cli.schema import locks
from cli.schema.migrate import SQL_FOLDER, migrate
from cli.schema.partitions import drop_partitions, make_partitions
from tests.cli.test_migrate import connected
from tests.support.factories import make_popup, make_shop, view
from tests.support.stack import Database, FunctionProcess, Stack, create_database, open_database
from tests.support.tracking import send, statuses

NOW = datetime.now(UTC)
TRIES_SEEN = 4


@pytest.fixture
def database(stack: Stack) -> Iterator[Database]:
    with open_database(create_database(stack.postgres, f"locks-{uuid.uuid4().hex[:8]}")) as opened:
        yield opened


def add_a_column(connection: CoreConnection, folder: Path) -> None:
    for path in SQL_FOLDER.glob("*.sql"):
        (folder / path.name).write_text(path.read_text())
    (folder / "9001_column.sql").write_text("ALTER TABLE popup_views ADD COLUMN colour text;")
    migrate(connection, folder, say=lambda line: None)


def make_a_month(connection: CoreConnection, folder: Path) -> None:
    make_partitions(connection, NOW + timedelta(days=150), lambda line: None)


def drop_a_month(connection: CoreConnection, folder: Path) -> None:
    drop_partitions(connection, NOW, lambda line: None)


CHANGES = {"a migration": add_a_column, "a month that is made": make_a_month, "a month that is dropped": drop_a_month}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_views_go_on_while_a_long_query_keeps_a_change_from_its_lock(
    start_function: Callable[..., FunctionProcess],
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[CoreConnection, Path], None],
) -> None:
    """Whoever queued for longer than a function's statement may take would have its views refused."""
    tries = count_tries(monkeypatch)
    function = start_function("track_view", DATABASE_URL=database.url, DB_STATEMENT_TIMEOUT="2000")
    popup_id, answers = make_popup(database, make_shop(database)), []
    with connected(database) as reader, connected(database) as changer:
        reader.execute_simple("BEGIN; LOCK TABLE popup_views IN ACCESS SHARE MODE")
        changing = threading.Thread(target=change, args=[changer, tmp_path])
        changing.start()
        while len(tries) < TRIES_SEEN:
            answers.append(send(function, view(popup_id)))
            assert changing.is_alive()
        reader.execute_simple("COMMIT")
        changing.join(60)
    assert statuses(answers) == {202: len(answers)}
    assert not changing.is_alive()


def count_tries(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """One entry for each pause, which is shorter than usual."""
    tries: list[None] = []

    def pause(seconds: float) -> None:
        tries.append(None)
        threading.Event().wait(0.3)

    monkeypatch.setattr(locks, "sleep", pause)
    return tries
