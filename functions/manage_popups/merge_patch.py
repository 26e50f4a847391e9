"""JSON Merge Patch (RFC 7396)."""

from __future__ import annotations

from typing import Any

from marshmallow import INCLUDE, Schema

# An edit that meets another is merged into the newer version; more meetings than this are a conflict.
MAX_MERGES = 5


class MergePatch(Schema):
    """Any JSON object (RFC 7396); what it makes of the stored thing is checked as a whole."""

    class Meta:
        unknown = INCLUDE


def merge_patch(target: Any, patch: Any) -> Any:
    """The target with the patch applied, as in section 2 of the RFC: null removes, objects merge, all else replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged
