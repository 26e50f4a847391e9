"""The forms in which e-mail addresses are compared."""

from __future__ import annotations

_GMAIL = ("gmail.com", "googlemail.com")


def normalized(email: str) -> str:
    """One subscriber per shop: the address without regard to case."""
    return email.strip().lower()


def canonical(email: str) -> str:
    """One discount code per person: also without `+tags`, and without dots where Gmail ignores them."""
    local, _, domain = normalized(email).rpartition("@")
    local = local.split("+", 1)[0]
    if domain in _GMAIL:
        return f"{local.replace('.', '')}@gmail.com"
    return f"{local}@{domain}"
