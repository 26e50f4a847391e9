"""The addresses below which a function answers, and the one that it tells others.

Where one address serves all functions (a load balancer, `popups dev`), each answers below its own name, and below a
neutral one that content blockers do not know. A proxy may remove that prefix, or leave it.
"""

from __future__ import annotations

from common.config import settings


def without_prefix(path: str, prefixes: tuple[str, ...]) -> tuple[str, str]:
    """Return the prefix that the path has, or an empty string, and the path without it."""
    if path == "/":
        return "", path
    first, slash, rest = path[1:].partition("/")
    return (f"/{first}", f"{slash or '/'}{rest}") if first in prefixes else ("", path)


def public_address(function: str, path: str, prefix: str = "") -> str:
    """Return where others find this path of the function: below PUBLIC_URL, or as a path below the request's prefix."""
    base = settings().public_url
    return f"{base}/{function}{path}" if base else prefix + path
