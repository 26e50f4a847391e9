"""Errors that reach the caller as problem details (RFC 9457).

A class's docstring is its `detail`, unless the raiser passes a more specific one.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from itertools import islice
from typing import Any

# Bounds on a 422's `errors`, whose number and paths the caller can choose; a person fixes no more at once.
MAX_ERRORS = 100
MAX_PATH_CHARACTERS = 200
MORE_ERRORS = f"More fields are invalid than the {MAX_ERRORS - 1} listed here."


class ProblemError(Exception):
    """The request could not be answered."""

    status = 500
    code = "internal_error"

    def __init__(
        self,
        detail: str | None = None,
        *,
        errors: dict[str, list[str]] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail or self.__doc__)
        self.detail = detail or self.__doc__ or ""
        self.errors = errors
        self.headers = headers or {}

    def as_problem(self, request_id: str) -> dict[str, Any]:
        problem: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id,
        }
        if self.errors is not None:
            problem["errors"] = self.errors
        return problem


class InternalError(ProblemError):
    """Something went wrong on our side. The request_id finds it in our logs."""


class MalformedJson(ProblemError):
    """The body is not valid JSON in UTF-8."""

    status, code = 400, "malformed_json"


class MalformedHeader(ProblemError):
    """A request header has a value that cannot be used."""

    status, code = 400, "malformed_header"


class Unauthorized(ProblemError):
    """Send a valid API key as `Authorization: Bearer KEY`."""

    status, code = 401, "unauthorized"


class KeyLacksRight(ProblemError):
    """This API key may read but not write."""

    status, code = 403, "key_lacks_right"


class OriginNotAllowed(ProblemError):
    """The page's origin is not among the shop's allowed_origins."""

    status, code = 403, "origin_not_allowed"


class NotFound(ProblemError):
    """There is nothing at this address."""

    status, code = 404, "not_found"


class ShopNotFound(ProblemError):
    """There is no such shop."""

    status, code = 404, "shop_not_found"


class PopupNotFound(ProblemError):
    """There is no such popup."""

    status, code = 404, "popup_not_found"


class DiscountCodeNotFound(ProblemError):
    """There is no such discount code."""

    status, code = 404, "discount_code_not_found"


class SubscriberNotFound(ProblemError):
    """There is no such subscriber."""

    status, code = 404, "subscriber_not_found"


class OrderNotFound(ProblemError):
    """There is no such order."""

    status, code = 404, "order_not_found"


class MethodNotAllowed(ProblemError):
    """This address does not answer that method. `Allow` lists those it does."""

    status, code = 405, "method_not_allowed"


class Conflict(ProblemError):
    """The request conflicts with the current state."""

    status, code = 409, "conflict"


class BeingChanged(Conflict):
    """This resource, or one it refers to, is being changed by another request. Try again."""


class IdempotencyKeyReused(ProblemError):
    """This Idempotency-Key was used with a different request."""

    status, code = 409, "idempotency_key_reused"


class StaleVersion(ProblemError):
    """This has changed since you read it. Read it again, and send `If-Match` with its new ETag."""

    status, code = 412, "stale_version"


class BodyTooLarge(ProblemError):
    """The body is larger than this function accepts."""

    status, code = 413, "body_too_large"


class UnsupportedMediaType(ProblemError):
    """Send the body as application/json."""

    status, code = 415, "unsupported_media_type"


class Invalid(ProblemError):
    """Some fields are not acceptable; `errors` says which and why."""

    status, code = 422, "invalid"

    def __init__(self, *, errors: Mapping[str, list[str]]) -> None:
        super().__init__(errors=_bounded(errors))


class RateLimited(ProblemError):
    """Too many requests. Try again after the seconds in `Retry-After`."""

    status, code = 429, "rate_limited"


class DatabaseUnavailable(ProblemError):
    """The database cannot be reached just now. Try again after the seconds in `Retry-After`."""

    status, code = 503, "database_unavailable"
    retry_after_seconds = 1

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": str(self.retry_after_seconds)})


class DatabaseTimeout(DatabaseUnavailable):
    """The database did not finish this in time. Ask for less, or try again after the seconds in `Retry-After`."""

    code = "database_timeout"
    retry_after_seconds = 5


class DatabaseOutdated(DatabaseUnavailable):
    """The database lacks a migration that this release needs. Try again after the seconds in `Retry-After`."""

    code = "database_outdated"
    retry_after_seconds = 30


class SecretsNotConfigured(ProblemError):
    """This deployment has no key to encrypt secrets with. Its operator sets SECRETS_KEY."""

    status, code = 503, "secrets_not_configured"

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, headers={"Retry-After": "300"})


class OrderSourceNotFound(ProblemError):
    """There is no such order source."""

    status, code = 404, "order_source_not_found"


def _bounded(errors: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return at most MAX_ERRORS of the errors, with their paths cut to MAX_PATH_CHARACTERS."""
    shown = MAX_ERRORS if len(errors) <= MAX_ERRORS else MAX_ERRORS - 1
    bounded = {path[:MAX_PATH_CHARACTERS]: messages for path, messages in islice(errors.items(), shown)}
    if len(errors) > shown:
        bounded[""] = [*bounded.get("", []), MORE_ERRORS]
    return bounded
