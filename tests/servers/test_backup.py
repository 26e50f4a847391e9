"""The backup of docs/runbook.md: dumped while views arrive, restored into an empty database, and whole."""

import subprocess
import threading
import uuid
from pathlib import Path

import requests

from cli.dev.programs import postgres_account, postgres_programs
from tests.support.factories import Shop, make_popup, make_shop
from tests.support.stack import Database, FunctionProcess, Stack, create_database, eventually, open_database

# The promise of `stats`, asked of the tables themselves.
COUNT_EVENTS = "SELECT count(*) FROM popup_views WHERE popup_id = :popup_id::uuid"
SUM_TALLIES = "SELECT coalesce(sum(views), 0)::bigint FROM daily_views WHERE popup_id = :popup_id::uuid"


def run(program: str, *words: str | Path) -> None:
    command = [postgres_programs(postgres_account()) / program, *words]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


class Shoppers:
    """Send views until told to stop, and count those that were accepted."""

    def __init__(self, function: FunctionProcess, popup_id: str) -> None:
        self.accepted = 0
        self._function, self._popup_id = function, popup_id
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send)

    def __enter__(self) -> "Shoppers":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _send(self) -> None:
        connection = requests.Session()
        while not self._stop.is_set():
            event = {"event_id": str(uuid.uuid4()), "popup_id": self._popup_id, "session_id": str(uuid.uuid4())}
            self.accepted += connection.post(self._function.url, json=event, timeout=10).status_code == 202


def test_a_backup_made_while_views_arrive_is_restored_whole(
    stack: Stack, database: Database, track_view: FunctionProcess, tmp_path: Path
) -> None:
    shop = make_shop(database)
    popup_id = make_popup(database, shop)
    backup = tmp_path / "popups.dump"
    with Shoppers(track_view, popup_id) as shoppers:
        eventually(lambda: shoppers.accepted > 20)
        accepted_before = shoppers.accepted
        run("pg_dump", "--format=custom", "--file", backup, stack.database_url)
        accepted_after = shoppers.accepted

    url = create_database(stack.postgres, f"restored-{uuid.uuid4().hex[:8]}", migrated=False)
    run("pg_restore", "--no-owner", "--exit-on-error", "--jobs=2", "--dbname", url, backup)
    with open_database(url) as restored:
        events = restored.value(COUNT_EVENTS, popup_id=popup_id)
        assert accepted_before <= events <= accepted_after + 1
        assert restored.value(SUM_TALLIES, popup_id=popup_id) == events
        assert _views_by_stats(stack, url, shop, popup_id) == events


def _views_by_stats(stack: Stack, url: str, shop: Shop, popup_id: str) -> int:
    """Return the popup's views by `stats` on the restored database; assert that it takes new ones."""
    # Without Redis: its cache holds the answers of the database that was lost.
    functions = {name: stack.start_function(name, DATABASE_URL=url, REDIS_URL=None) for name in ("stats", "track_view")}
    try:
        read = requests.get(f"{functions['stats'].url}/popups/{popup_id}", headers=shop.reader, timeout=10)
        event = {"event_id": str(uuid.uuid4()), "popup_id": popup_id, "session_id": "after"}
        assert requests.post(functions["track_view"].url, json=event, timeout=10).status_code == 202
        views: int = read.json()["views"]
        return views
    finally:
        for function in functions.values():
            function.stop()
