"""The log: one JSON object per line on stdout, in Cloud Logging's structured form; on a terminal, coloured text.

The names are those that google-cloud-logging's StructuredLogHandler writes (a test compares them). The library itself
would add 370 ms of imports to a cold start and nothing to a line, so no function imports it.
"""

from __future__ import annotations

import json
import sys
import traceback
from contextvars import ContextVar
from functools import cache
from typing import Any

import orjson

from common.config import settings

# Cloud Logging moves these out of a line into the entry itself.
LABELS, TRACE = "logging.googleapis.com/labels", "logging.googleapis.com/trace"
SPAN, SAMPLED = "logging.googleapis.com/spanId", "logging.googleapis.com/trace_sampled"
_of_request: ContextVar[dict[str, Any] | None] = ContextVar("of_request", default=None)
_SEVERITIES = {"DEBUG": 100, "INFO": 200, "WARNING": 400, "ERROR": 500}


_muted = False


def mute() -> None:
    """Write no more lines from now on, in a command, whose stdout is its result."""
    global _muted
    _muted = True


def begin_request(fields: dict[str, Any]) -> None:
    """Add these fields to every line logged for the current request."""
    _of_request.set(fields)


def write(severity: str, message: str, **fields: Any) -> None:
    """Write one line, unless LOG_LEVEL is above its severity (DEBUG, INFO, WARNING or ERROR)."""
    if _muted or _SEVERITIES[severity] < _SEVERITIES[settings().log_level]:
        return
    # One write per line, so that threads' lines do not mix.
    sys.stdout.write(_rendered({"severity": severity, "message": message, **fields, **(_of_request.get() or {})}))
    sys.stdout.flush()


def write_exception(message: str, error: BaseException, **fields: Any) -> None:
    """Log an unexpected error with its stack trace, by which Error Reporting groups."""
    write("ERROR", message, stack_trace="".join(traceback.format_exception(error)), **fields)


@cache
def _is_for_people() -> bool:
    """Return whether stdout is a terminal; asked once, because asking takes as long as writing a line."""
    return sys.stdout.isatty()


def _rendered(line: dict[str, Any]) -> str:
    if _is_for_people():
        from common.log_text import as_text  # never imported in production

        return as_text(line)
    try:
        return orjson.dumps(line, str, orjson.OPT_APPEND_NEWLINE).decode()
    except TypeError:  # a lone surrogate, or a number of more than 64 bits: no reason to lose the line
        return json.dumps(line, default=str) + "\n"
