"""What a handler answers, said beside it for the description of the API (openapi/); the server reads none of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

Handler = TypeVar("Handler", bound=Callable[..., Any])

CSV = "text/csv"


class Answers(NamedTuple):
    """When all goes well: the name of a schema in openapi/ for each status, and the headers that come with it.

    None stands for an answer without a body, or with one that is no JSON but of `media_type`. `problems` are statuses
    beyond those that every endpoint of its kind may answer.
    """

    schemas: Mapping[int, str | None]
    headers: tuple[str, ...] = ()
    problems: tuple[int, ...] = ()
    media_type: str = "application/json"


def answers(
    schemas: Mapping[int, str | None],
    *,
    headers: tuple[str, ...] = (),
    problems: tuple[int, ...] = (),
    media_type: str = "application/json",
) -> Callable[[Handler], Handler]:
    """Notes down what a handler answers. Its name is the operation's id, its docstring the summary and description."""

    def note(handler: Handler) -> Handler:
        handler.__dict__["answers"] = Answers(schemas, headers, problems, media_type)
        return handler

    return note


def answers_of(handler: Callable[..., Any]) -> Answers:
    """What was noted down. Raises KeyError for a handler that does not say what it answers."""
    noted: Answers = handler.__dict__["answers"]
    return noted
