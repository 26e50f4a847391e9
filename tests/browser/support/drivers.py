"""Firefox and WebKit, each by the W3C WebDriver commands that it speaks itself.

Playwright's Firefox and WebKit are builds of its own; these are what Debian's firefox-esr and webkit2gtk-driver
bring. Firefox is asked in its Marionette protocol (a line of JSON by its length), WebKit by HTTP.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import requests

from cli.dev.child import free_port

MINI_BROWSER = "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser"
STARTED_WITHIN_SECONDS = 60
ANSWERED_WITHIN_SECONDS = 60
WINDOW = {"width": 1280, "height": 800}
HIDDEN_KEYS = {"Escape": "\ue00c", "Tab": "\ue004", "Enter": "\ue007", "Shift": "\ue008"}


class Firefox:
    """One process, without a window, on one connection."""

    @staticmethod
    def is_installed() -> bool:
        return shutil.which("firefox-esr") is not None

    def __init__(self, folder: Path) -> None:
        port = free_port()
        preferences = {"marionette.port": port, "browser.shell.checkDefaultBrowser": False}
        lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences.items())
        (folder / "user.js").write_text("".join(lines))
        command = ["firefox-esr", "--headless", "--marionette", "--no-remote", "--profile", str(folder)]
        environment = {**os.environ, "HOME": str(folder), "MOZ_HEADLESS_WIDTH": "1280", "MOZ_HEADLESS_HEIGHT": "800"}
        self.process = started(command, environment)
        with ExitStack() as failed:
            failed.callback(stop, self.process)
            self.numbers = itertools.count(1)
            self.connection = eventually(lambda: socket.create_connection(("127.0.0.1", port), ANSWERED_WITHIN_SECONDS))
            self.stream = self.connection.makefile("rb")
            self._receive()  # its greeting
            self.call("NewSession", "", {})
            self.call("SetWindowRect", "", WINDOW)
            failed.pop_all()

    def call(self, name: str, path: str, parameters: dict[str, Any]) -> Any:
        """Return the value that a command answers; `path` is its path below the session's URL."""
        message = json.dumps([0, next(self.numbers), f"WebDriver:{name}", parameters]).encode()
        self.connection.sendall(b"%d:%s" % (len(message), message))
        _, _, error, result = self._receive()
        assert error is None, error
        return result.get("value", result) if isinstance(result, dict) else result

    def _receive(self) -> Any:
        length = b""
        while (byte := self.stream.read(1)) != b":":
            assert byte, "Firefox has closed the connection"
            length += byte
        return json.loads(self.stream.read(int(length)))

    def close(self) -> None:
        self.connection.close()
        stop(self.process)


class WebKit:
    """WebKitGTK's MiniBrowser on a display that nobody sees."""

    @staticmethod
    def is_installed() -> bool:
        return all(map(shutil.which, ("WebKitWebDriver", "xvfb-run", MINI_BROWSER)))

    def __init__(self, folder: Path) -> None:
        port = free_port()
        environment = {**os.environ, "HOME": str(folder)}
        self.process = started(["xvfb-run", "-a", "WebKitWebDriver", f"--port={port}"], environment)
        with ExitStack() as failed:
            failed.callback(stop, self.process)
            self.address = f"http://127.0.0.1:{port}"
            options = {"binary": MINI_BROWSER, "args": ["--automation"]}
            capabilities = {"alwaysMatch": {"webkitgtk:browserOptions": options}}
            session = eventually(lambda: self._post("/session", {"capabilities": capabilities}))
            self.address += f"/session/{session['sessionId']}"
            self.call("SetWindowRect", "window/rect", WINDOW)
            failed.pop_all()

    def call(self, name: str, path: str, parameters: dict[str, Any]) -> Any:
        return self._post(f"/{path}", parameters)

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        answer = requests.post(self.address + path, json=body, timeout=ANSWERED_WITHIN_SECONDS)
        assert answer.ok, answer.text
        return answer.json()["value"]

    def close(self) -> None:
        with suppress(requests.RequestException):
            requests.delete(self.address, timeout=10)
        stop(self.process)


DRIVERS: dict[str, type[Firefox] | type[WebKit]] = {"firefox": Firefox, "webkit": WebKit}


class Window:
    """What a shopper does in one of them."""

    def __init__(self, driver: Firefox | WebKit) -> None:
        self.driver = driver

    def go(self, address: str) -> None:
        self.driver.call("Navigate", "url", {"url": address})

    def run(self, script: str, *arguments: Any) -> Any:
        """Run a function's body in the page and return its value."""
        return self.driver.call("ExecuteScript", "execute/sync", {"script": script, "args": list(arguments)})

    def until(self, expression: str, seconds: float = 10) -> bool:
        """Whether it comes true."""
        deadline = time.monotonic() + seconds
        while not (true := bool(self.run(f"return {expression}"))) and time.monotonic() < deadline:
            time.sleep(0.05)
        return true

    def move(self, *points: tuple[int, int]) -> None:
        self._act("pointer", [{"type": "pointerMove", "x": x, "y": y, "duration": 0} for x, y in points])

    def click(self, x: int, y: int) -> None:
        self.move((x, y))
        self._act("pointer", [{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}])

    def wheel(self, x: int, y: int, pixels: int) -> None:
        self._act("wheel", [{"type": "scroll", "x": x, "y": y, "deltaX": 0, "deltaY": pixels, "duration": 0}])

    def press(self, *keys: str) -> None:
        """Held together: `press("Shift", "Tab")`."""
        values = [HIDDEN_KEYS.get(key, key) for key in keys]
        down = [{"type": "keyDown", "value": value} for value in values]
        self._act("key", [*down, *({"type": "keyUp", "value": value} for value in reversed(values))])

    def type(self, text: str) -> None:
        for character in text:
            self.press(character)

    def _act(self, kind: str, actions: list[dict[str, Any]]) -> None:
        source: dict[str, Any] = {"type": kind, "id": kind, "actions": actions}
        if kind == "pointer":
            source["parameters"] = {"pointerType": "mouse"}
        self.driver.call("PerformActions", "actions", {"actions": [source]})


def started(command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """In a process group of its own, so that what it starts ends with it."""
    nowhere = subprocess.DEVNULL
    return subprocess.Popen(command, env=environment, stdout=nowhere, stderr=nowhere, start_new_session=True)


def stop(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, 15)
    with suppress(subprocess.TimeoutExpired):
        process.wait(5)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, 9)


def eventually(act: Callable[[], Any]) -> Any:
    """Its result, once it stops failing."""
    deadline = time.monotonic() + STARTED_WITHIN_SECONDS
    while True:
        try:
            return act()
        except (OSError, requests.RequestException):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
