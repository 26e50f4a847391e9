"""Log lines for a terminal: one short coloured line instead of a JSON object."""

from __future__ import annotations

import time
from typing import Any

_RESET, _DIM = "\033[0m", "\033[2m"
_COLOURS = {"DEBUG": _DIM, "INFO": "", "WARNING": "\033[33m", "ERROR": "\033[31m"}
_OF_STATUS = {2: "\033[32m", 3: "\033[36m", 4: "\033[33m", 5: "\033[31m"}


def as_text(line: dict[str, Any]) -> str:
    """Return a request's line as `15:04:05 POST track_view 202  3.1 ms  /  MISS`, any other event as its message."""
    clock = f"{_DIM}{time.strftime('%H:%M:%S')}{_RESET}"
    if "httpRequest" not in line:
        colour = _COLOURS[line["severity"]]
        # A stack trace is worth its lines; other fields are not.
        details = line.get("stack_trace") or line.get("reason", "")
        return f"{clock} {colour}{line['message']}{_RESET} {details}".rstrip() + "\n"
    request = line["httpRequest"]
    colour = _OF_STATUS.get(request["status"] // 100, "")
    milliseconds = f"{line['seconds'] * 1000:.1f} ms".rjust(9)
    extra = " ".join(str(line[name]) for name in ("cache", "crawler") if name in line)
    text = f"{clock} {colour}{line['message']}{_RESET}{milliseconds}  {_DIM}{request['requestUrl']}{_RESET}  {extra}"
    return text.rstrip() + "\n"
