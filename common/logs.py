"""The log: one JSON object a line on stdout, in Cloud Logging's structured form.

The names are those that google-cloud-logging's StructuredLogHandler writes (a test compares them). The library itself
costs a cold start 370 ms of imports and adds nothing to a line, so no function imports it.
"""

from __future__ import annotations

import json
import sys
import traceback
from typing import Any

from common.config import settings

# Made once: json.dumps with any option would make an encoder for each line.
_encode = json.JSONEncoder(default=str, separators=(",", ":")).encode
# Cloud Logging moves these out of a line into the entry itself.
LABELS, TRACE = "logging.googleapis.com/labels", "logging.googleapis.com/trace"
_SEVERITIES = {"DEBUG": 100, "INFO": 200, "WARNING": 400, "ERROR": 500}


def write(severity: str, message: str, **fields: Any) -> None:
    """Writes one line, unless LOG_LEVEL is above its severity (DEBUG, INFO, WARNING or ERROR)."""
    if _SEVERITIES[severity] < _SEVERITIES[settings().log_level]:
        return
    # One write a line: lines of several threads do not mix.
    sys.stdout.write(_encode({"severity": severity, "message": message, **fields}) + "\n")
    sys.stdout.flush()


def write_exception(message: str, error: BaseException, **fields: Any) -> None:
    """An unexpected error with its stack, which Error Reporting groups by `stack_trace`."""
    write("ERROR", message, stack_trace="".join(traceback.format_exception(error)), **fields)
