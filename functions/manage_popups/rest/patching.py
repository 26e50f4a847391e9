"""Edits by JSON Merge Patch (RFC 7396), retried after concurrent edits."""

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

# How often an edit is tried if others commit between its read and its write.
MAX_TRIES = 5

# Messages by field path.
Errors = dict[str, list[str]]


class MergePatch(AnyObject):
    """Any JSON object (RFC 7396); the patched document is validated as a whole."""

    def load(self, data: Any, /) -> dict[str, Any]:
        super().load(data)
        patch: dict[str, Any] = data
        return patch


def normalized(
    path: str, texts: Iterable[str], form: Callable[[str], str], stored: Iterable[str], errors: Errors
) -> list[str]:
    """Normalize the texts; keep those that are stored already, and add the errors of the others to `errors`."""
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
    """Return the row that `edit` has written; call it again after None, which means a concurrent edit.

    Raises BeingChanged after MAX_TRIES, and the errors of `edit`.
    """
    with postgres.connection() as connection:
        for _ in range(MAX_TRIES):
            if row := edit(connection):
                return row
    raise BeingChanged()


def merged(schema: Schema, stored: postgres.Row, patch: Any) -> Any:
    """Return the stored document with the patch applied, as loaded by the schema. Raises Invalid for changes."""
    written = as_written(schema, stored)
    return load_edited(schema, merge_patch(written, patch), written)


def as_written(schema: Schema, stored: postgres.Row) -> dict[str, Any]:
    """Return a stored row in the form that its schema loads."""
    fields = {name: stored[name] for name in schema.fields}
    times = {name: time.isoformat() for name, time in fields.items() if isinstance(time, datetime.datetime)}
    return fields | times


def merge_patch(target: Any, patch: Any) -> Any:
    """Apply the patch to the target (RFC 7396, section 2): null removes, objects merge, all else replaces."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge_patch(result.get(name), value)
    return result
