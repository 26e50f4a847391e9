"""Read functions.toml, the only list of the deployed functions."""

from __future__ import annotations

import importlib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from common.web import Function

FILE = Path(__file__).resolve().parent.parent / "functions.toml"


@dataclass(frozen=True)
class DeployedFunction:
    """A row of functions.toml, which explains each field."""

    name: str
    audience: Literal["storefront", "merchant", "platform"]
    server: Literal["asgi", "flask"]
    limit: str
    service: str
    concurrency: int
    tallies: bool
    max_instances: int = 2
    db_pool_max: int = 2
    cpu_throttling: bool = True
    needs: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """Return the path of its main module, relative to the repository's root."""
        return f"functions/{self.name}/main.py"


def load(function: DeployedFunction) -> Function:
    """Import the function with its endpoints. This reads the environment."""
    loaded: Function = importlib.import_module(f"functions.{function.name}.main").function
    return loaded


def _read(text: str) -> dict[str, DeployedFunction]:
    rows = tomllib.loads(text)
    return {name: DeployedFunction(name, **{**row, "needs": tuple(row.get("needs", ()))}) for name, row in rows.items()}


FUNCTIONS = _read(FILE.read_text())
