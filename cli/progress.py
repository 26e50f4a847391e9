"""One way to show progress: a bar on a terminal, one plain line that says what begins elsewhere."""

import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import click

T = TypeVar("T")


def progress(items: Iterable[T] | None, label: str, length: int | None = None) -> AbstractContextManager[Any]:
    """Return a bar on stderr, to iterate over; without items it is moved on by its `update(steps)`."""
    return click.progressbar(items, length, label, show_pos=True, file=sys.stderr)
