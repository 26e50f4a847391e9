"""A request's trace context: parsed from its headers, and formatted for Cloud Logging."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from common.config import settings
from common.logs import SAMPLED, SPAN, TRACE

# W3C's traceparent: version, trace, span and flags; later versions may append further fields.
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
# Google's X-Cloud-Trace-Context: the trace, often with its span as a decimal number and options.
_CLOUD_TRACE = re.compile(r"(?!0{32})([0-9a-fA-F]{32})(?:/([0-9]{1,20})(?:;o=([0-9]))?.*)?", re.ASCII)
MAX_SPAN = 2**64 - 1


class Trace(NamedTuple):
    """A trace id of 32 hex digits and a span id of 16; the span may be unknown."""

    id: str
    span_id: str | None
    is_sampled: bool


def trace_of(headers: Mapping[str, str]) -> Trace | None:
    """Return the trace of W3C's traceparent, or of Google's older header; None without a valid one."""
    if found := _TRACEPARENT.fullmatch(headers.get("traceparent", "")):
        return Trace(found[1], found[2], bool(int(found[3], 16) & 1))
    if found := _CLOUD_TRACE.fullmatch(headers.get("x-cloud-trace-context", "")):
        span = int(found[2] or 0)
        return Trace(found[1].lower(), f"{span:016x}" if 0 < span <= MAX_SPAN else None, found[3] == "1")
    return None


def log_fields(trace: Trace) -> dict[str, Any]:
    """Return the log fields that link a line to the trace, qualified by the project if it is known."""
    project = settings().google_cloud_project
    fields = {TRACE: f"projects/{project}/traces/{trace.id}" if project else trace.id, SAMPLED: trace.is_sampled}
    return fields | ({SPAN: trace.span_id} if trace.span_id else {})
