"""A function as its callers see it, and the shape of every refusal."""

import threading
from time import monotonic  # the real one: a test may stop the clock of all others
from typing import Any

import requests

from tests.support.stack import FunctionProcess

# What the contract promises within 2 seconds, and more for a busy machine. Without what keeps the promise it would
# take until an entry of the cache ends, which is minutes.
PROMISED_SECONDS = 15


IDLE_SECONDS = 2
"""How long a connection may have been idle to be used again: a server closes it after 5."""


class Sender(threading.local):
    """Sends requests as `requests.request` does, over connections that its thread keeps.

    To connect for each request, and to read the environment's proxies, took most of a request's CPU on both sides.
    """

    def __init__(self) -> None:
        self._used_at = float(-IDLE_SECONDS)

    def __call__(self, method: str, url: str, **options: Any) -> requests.Response:
        if monotonic() - self._used_at > IDLE_SECONDS:
            self._session = requests.Session()
            self._session.trust_env = False
        try:
            return self._session.request(method, url, **options)
        finally:
            self._used_at = monotonic()


request = Sender()


class Client:
    """Calls a function, with an API key or without: `Client(manage_popups, key).get("/shop")`."""

    def __init__(self, function: FunctionProcess, key: str | None = None) -> None:
        self._url = function.url
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def __call__(
        self, method: str, path: str = "/", *, headers: dict[str, str] | None = None, **options: Any
    ) -> requests.Response:
        return request(
            method, f"{self._url}{path}", headers={**self._headers, **(headers or {})}, timeout=30, **options
        )

    def get(self, path: str = "/", **options: Any) -> requests.Response:
        return self("GET", path, **options)

    def post(self, path: str = "/", json: Any = None, **options: Any) -> requests.Response:
        return self("POST", path, json=json, **options)

    def patch(self, path: str, json: Any = None, **options: Any) -> requests.Response:
        return self("PATCH", path, json=json, **options)

    def delete(self, path: str, **options: Any) -> requests.Response:
        return self("DELETE", path, **options)


def assert_problem(answer: requests.Response, status: int, code: str | None = None, *fields: str) -> dict[str, Any]:
    """Assert that the answer is problem details (RFC 9457) of this status, code and, for a 422, just these fields."""
    assert answer.status_code == status, f"{answer.status_code}: {answer.text[:500]}"
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert set(problem) == {"type", "title", "status", "detail", "code", "request_id"} | (
        {"errors"} if status == 422 else set()
    )
    assert problem["status"] == status
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    assert problem["code"] == (code or problem["code"])
    for told in ("Traceback", "pg8000", "psycopg", "marshmallow", 'File "'):
        assert told not in answer.text
    if fields:
        assert sorted(problem["errors"]) == sorted(fields), problem["errors"]
    if status == 422:
        assert all(
            messages and all(isinstance(text, str) for text in messages) for messages in problem["errors"].values()
        )
    return problem
