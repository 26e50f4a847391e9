"""Log lines on a terminal: text for the person in front of it, JSON everywhere else."""

import json
import os
import pty
import re
import subprocess
import sys

from common.log_text import as_text
from tests.support.stack import ROOT

REQUEST = {"requestMethod": "GET", "requestUrl": "/popups", "status": 404}
LINE = {"severity": "INFO", "message": "GET manage_popups 404", "httpRequest": REQUEST, "seconds": 0.00312}
WRITE = "from common import logs; logs.write('WARNING', 'Postgres does not answer', reason='refused')"


def plain(text: str) -> str:
    return re.sub(r"\x1b\[\d*m", "", text)


def written_to(output: int) -> None:
    subprocess.run([sys.executable, "-c", WRITE], stdout=output, cwd=ROOT, check=True)


def test_on_a_terminal_a_line_is_text() -> None:
    terminal, ours = pty.openpty()
    written_to(ours)
    text = plain(os.read(terminal, 1000).decode())
    assert re.fullmatch(r"\d\d:\d\d:\d\d Postgres does not answer refused\r\n", text)


def test_elsewhere_a_line_is_json() -> None:
    reader, writer = os.pipe()
    written_to(writer)
    expected = {"severity": "WARNING", "message": "Postgres does not answer", "reason": "refused"}
    assert json.loads(os.read(reader, 1000)) == expected


def test_a_request_is_one_line_with_its_status_and_time() -> None:
    assert plain(as_text(LINE))[9:] == "GET manage_popups 404   3.1 ms  /popups\n"
    assert plain(as_text({**LINE, "cache": "HIT"}))[9:] == "GET manage_popups 404   3.1 ms  /popups  HIT\n"


def test_an_unexpected_error_shows_its_stack() -> None:
    line = {"severity": "ERROR", "message": "stats failed", "stack_trace": "Traceback …\nKeyError: 'x'"}
    assert plain(as_text(line))[9:] == "stats failed Traceback …\nKeyError: 'x'\n"
