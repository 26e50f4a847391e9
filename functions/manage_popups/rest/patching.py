"""Edits of what is stored: a JSON Merge Patch (RFC 7396) on top of it, and again where another edit came between."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from typing import Any

from marshmallow import Schema

from common import postgres
from common.errors import BeingChanged
from common.web import AnyObject
from functions.manage_popups.rest.edited import load_edited
from functions.manage_popups.rest.fields import MAX_PATTERN_CHARACTERS

# How often an edit is made anew because another came between what it read and what it wrote.
MAX_TRIES = 5

# What is wrong with a document, by the path of the field.
Errors = dict[str, list[str]]


class MergePatch(AnyObject):
    """Any JSON object (RFC 7396); what it makes of the stored thing is checked as a whole."""

    def load(self, data: Any, /) -> dict[str, Any]:
        super().load(data)
        patch: dict[str, Any] = data
        return patch


def normalized(
    path: str, texts: Iterable[str], form: Callable[[str], str], stored: Iterable[str], errors: Errors
) -> list[str]:
    """The texts in that form, or as they are where they are stored so; what is wrong with others goes to the errors."""
    kept, normal = set(stored), []
    for index, text in enumerate(texts):
        try:
            normal.append(form(text))
            if len(normal[-1]) > MAX_PATTERN_CHARACTERS:
                raise ValueError(f"At most {MAX_PATTERN_CHARACTERS} characters, in the form that is compared.")
        except ValueError as wrong:
            if text not in kept:
                errors[f"{path}.{index}"] = [str(wrong)]
            normal[index:] = [text]
    return normal


def retry_lost_edits(edit: Callable[[postgres.Connection], postgres.Row | None]) -> postgres.Row:
    """The row that `edit` has written; None stands for somebody else having written since it read.

    It is then called again, and finds the newer version. Raises BeingChanged after a few times, and what `edit` raises.
    """
    with postgres.connection() as connection:
        for _ in range(MAX_TRIES):
            if row := edit(connection):
                return row
    raise BeingChanged()


def merged(schema: Schema, stored: postgres.Row, patch: Any) -> Any:
    """What the schema makes of the stored thing with the patch applied. Raises Invalid, for what the patch changes."""
    written = as_written(schema, stored)
    return load_edited(schema, merge_patch(written, patch), written)


def as_written(schema: Schema, stored: postgres.Row) -> dict[str, Any]:
    """What is stored, in the form that its schema loads."""
    fields = {name: stored[name] for name in schema.fields}
    times = {name: time.isoformat() for name, time in fields.items() if isinstance(time, datetime.datetime)}
    return fields | times


def merge_patch(target: Any, patch: Any) -> Any:
    """The target with the patch applied, as in section 2 of the RFC: null removes, objects merge, all else replaces."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge_patch(result.get(name), value)
    return result
