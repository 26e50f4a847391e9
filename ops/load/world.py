"""What the load needs to know: the addresses of the functions, and the shops with their popups and keys."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from cli.function_table import FUNCTIONS


@dataclass(frozen=True)
class Shop:
    """A shop, its active popups, and a key with the right to read."""

    id: str
    popup_ids: list[str]
    key: str


@dataclass(frozen=True)
class World:
    """The functions' URLs by name, and the shops, the most visited first."""

    urls: dict[str, str]
    shops: list[Shop]

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)))


def read_world(path: Path) -> World:
    """Read a world that `World.write` wrote. Raises ValueError for a file that is none."""
    try:
        stored = json.loads(path.read_text())
        return World(stored["urls"], [Shop(**shop) for shop in stored["shops"]])
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is no world of the load scenarios: {error}") from None


def urls_below(host: str) -> dict[str, str]:
    """Return the functions' URLs behind one address, such as the front door's."""
    return {name: f"{host.rstrip('/')}/{name}" for name in FUNCTIONS}
