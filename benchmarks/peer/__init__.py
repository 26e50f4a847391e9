"""The peer: the storefront's calls as a good Node developer would write them, with Fastify, pg and ioredis.

It does less than the functions: no unique viewers, no daily tallies, no check of the origin, and an event counts once
only while its row exists. Its statements are frozen, so that results stay comparable.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cli.dev.child import StartError
from tests.support.stack import open_database

FOLDER = Path(__file__).parent
CALLS = {f"peer_{name}": name for name in ("reads", "views", "conversions")}
DATABASE = "peer"

INSERT_SHOP = "INSERT INTO shops (id, settings) VALUES (:shop_id, :settings)"

INSERT_POPUP = """
    INSERT INTO popups (id, shop_id, status, priority, definition)
    VALUES (:id, :shop_id, 'active', :priority, :definition)
"""


def command(name: str, port: int) -> list[str | Path]:
    """Return the command that serves one of CALLS, which needs `install` once."""
    return [_node(), FOLDER / "server.js", CALLS[name], str(port)]


def install() -> None:
    """Install the pinned packages with the wheel's npm. Raises StartError if the registry cannot be reached."""
    if _installed().exists() and _installed().stat().st_mtime >= (FOLDER / "package-lock.json").stat().st_mtime:
        return
    environ = {**os.environ, "PATH": f"{_node().parent}{os.pathsep}{os.environ['PATH']}"}
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    done = subprocess.run([_node().with_name("npm"), "ci", *quiet], cwd=FOLDER, env=environ, check=False)
    if done.returncode:
        raise StartError("npm could not install the peer's packages, see above; scenarios without the peer need none")
    _installed().touch()


def create_tables(database_url: str) -> None:
    with open_database(database_url) as database:
        for statement in (FOLDER / "schema.sql").read_text().split(";\n"):
            if statement.strip():
                database(statement)


def insert_shop(database_url: str, answer: Mapping[str, Any], popup_ids: Sequence[str]) -> None:
    """Store a shop with these popups, as this answer of get_active_popups has them; it may have some of them only."""
    shown = {popup["id"]: popup for popup in answer["popups"]}
    priorities = {popup_id: -place for place, popup_id in enumerate(shown)}
    with open_database(database_url) as database:
        database(INSERT_SHOP, shop_id=answer["shop_id"], settings=json.dumps(answer["shop"]))
        for id_ in popup_ids:
            definition = json.dumps(shown.get(id_, {"id": id_}))
            priority = priorities.get(id_, -len(popup_ids))
            database(INSERT_POPUP, shop_id=answer["shop_id"], id=id_, priority=priority, definition=definition)
        database("ANALYZE")


def _node() -> Path:
    return Path(sys.executable).with_name("node")


def _installed() -> Path:
    return FOLDER / "node_modules" / ".package-lock.json"
