"""The answers of a handler, declared beside it for the OpenAPI document (openapi/); the server ignores them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

Handler = TypeVar("Handler", bound=Callable[..., Any])


class Answers(NamedTuple):
    """The successful answers: the name of a schema in openapi/ for each status, and their headers.

    None in place of a name stands for an answer without a body, or with a body of `media_type` instead of JSON.
    `problems` are statuses beyond those that every endpoint of its kind may answer. With `or_csv` the 200 is CSV for a
    client that asks for it.
    """

    schemas: Mapping[int, str | None]
    headers: tuple[str, ...] = ()
    problems: tuple[int, ...] = ()
    media_type: str = "application/json"
    or_csv: bool = False


def answers(
    schemas: Mapping[int, str | None],
    *,
    headers: tuple[str, ...] = (),
    problems: tuple[int, ...] = (),
    media_type: str = "application/json",
    or_csv: bool = False,
) -> Callable[[Handler], Handler]:
    """Declare a handler's answers. Its name is the operation's id, its docstring the summary and description."""

    def note(handler: Handler) -> Handler:
        handler.__dict__["answers"] = Answers(schemas, headers, problems, media_type, or_csv)
        return handler

    return note


def answers_of(handler: Callable[..., Any]) -> Answers:
    """Return the declared answers. Raises KeyError for a handler without any."""
    noted: Answers = handler.__dict__["answers"]
    return noted
