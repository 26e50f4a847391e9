"""E-mail addresses: validation, and the forms in which they are compared.

A valid address is one by `<input type=email>` (HTML, section 4.10.5.1.5), with letters of every script before the @, at
a domain of the public Internet: it has a dot, and its top level is neither a number nor localhost.
"""

from __future__ import annotations

import re
import string
import unicodedata

from common.shop.blanks import trimmed

MAX_CHARACTERS = 254

_ATEXT = frozenset(string.ascii_lowercase + string.digits + ".!#$%&'*+/=?^_`{|}~-")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# In the form of the DNS.
_DOMAIN = re.compile(rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)+(?!localhost\Z|[0-9]+\Z){_LABEL}")
_GMAIL = ("gmail.com", "googlemail.com")


def normalized(email: str) -> str | None:
    """Return the same text for every spelling of an address, so that it is one subscriber; None if it is invalid.

    Spellings differ in case, in Unicode form (NFC, NFD), and in a domain in its script or as `xn--`. This is in its
    script, so that a search for the start of an address finds it.
    """
    local, _, domain = trimmed(email).rpartition("@")
    local = _lower(local)
    if not local or not (_ATEXT.issuperset(local) or all(map(_is_of_a_local_part, local))):
        return None
    domain = _in_its_script(domain)
    return f"{local}@{domain}" if _DOMAIN.fullmatch(_for_the_dns(domain)) else None


def beginning(text: str) -> str:
    """Return the prefix of normalized addresses for a search text."""
    local, at, domain = trimmed(text).partition("@")
    return _lower(local) + at + (_in_its_script(domain) or _lower(domain))


def canonical(normalized_email: str) -> str:
    """Return one text per person, for one discount code each: without `+tags`, and without dots that Gmail ignores."""
    local, _, domain = normalized_email.rpartition("@")
    # Nothing may be left of one such as "+ann": that is everybody's.
    local = local.split("+", 1)[0] or local
    if domain in _GMAIL:
        return f"{local.replace('.', '') or local}@gmail.com"
    return f"{local}@{domain}"


def other_spellings(normalized_email: str) -> list[str]:
    """Return other forms in which older releases may have stored the address; none for an ASCII address."""
    if normalized_email.isascii():
        return []
    local, _, domain = normalized_email.rpartition("@")
    locals_ = (local, unicodedata.normalize("NFD", local))
    domains = (domain, unicodedata.normalize("NFD", domain), _for_the_dns(domain))
    spellings = dict.fromkeys(f"{each}@{at}" for each in locals_ for at in domains)
    return [spelling for spelling in spellings if spelling != normalized_email]


def _lower(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())


def _is_of_a_local_part(character: str) -> bool:
    """Return whether a non-ASCII character is a letter, mark or number (RFC 6531 would allow any)."""
    return character in _ATEXT if character.isascii() else unicodedata.category(character)[0] in "LMN"


def _in_its_script(domain: str) -> str:
    """Return the domain by UTS #46 with `xn--` decoded; empty if it is invalid."""
    if domain.isascii() and "xn--" not in domain.lower():
        return domain.lower()
    import idna  # not needed for most addresses

    try:
        labels = idna.uts46_remap(domain, std3_rules=True, transitional=False).split(".")
        decoded = [label[4:].encode().decode("punycode") if label.startswith("xn--") else label for label in labels]
        name = ".".join(decoded)
        return name if idna.uts46_remap(name, std3_rules=True, transitional=False) == name else ""
    except (idna.IDNAError, UnicodeError):
        return ""


def _for_the_dns(domain: str) -> str:
    labels = domain.split(".")
    return ".".join(label if label.isascii() else f"xn--{label.encode('punycode').decode()}" for label in labels)
