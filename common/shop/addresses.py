"""Normalizes merchants' page patterns, referrers and origins to the form in which they are compared.

The storefront script compares a page pattern with `decodeURI(location.pathname)`, plus the query if the pattern has a
`?`; and a referrer with `document.referrer` without scheme and query, which browsers percent-encode. A browser's
`Origin` is in lower case, without a default port, and with `xn--`. Normalizing is idempotent, so a stored value can be
read and written again. Every function raises ValueError with a text for the merchant.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from urllib.parse import quote, unquote, urlsplit

# Escapes that JavaScript's decodeURI keeps: ; / ? : @ & = + $ , #
_KEPT = re.compile(r"(%(?:3B|2F|3F|3A|40|26|3D|2B|24|2C|23))", re.IGNORECASE)
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")

# `https://shop.example/a`, `//shop.example/a`, and `*://…` as in browser extensions; the host may have stars.
_WHOLE_ADDRESS = re.compile(r"(?:(?:https?|\*):)?//([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)
_OTHER_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
# `shop.example/a` may start with a host or a folder, `index.php/a` starts with a file.
_MAYBE_HOST = re.compile(r"www\.|(?:[\w-]+\.)+(?!html?/|php\d?/|aspx?/|jsp/|cgi/)[^\W\d_]{2,}(?::\d+)?/", re.IGNORECASE)
_DOT_SEGMENT = re.compile(r"/\.\.?(?=/|\Z)")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}")
_IPV6 = re.compile(r"\[[0-9a-f:.]{2,45}\]")
_DEFAULT_PORTS = {"http": 80, "https": 443}
# The ASCII that a browser does not encode in a path (URL Standard, path percent-encode set).
_LEFT_IN_PATHS = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"#<>?`{}')
MAX_HOST_CHARACTERS = 253


def page_pattern(text: str) -> str:
    """Normalize `https://shop.example/caf%C3%A9/*` to `/café/*`: the path, and the query if there is one."""
    pattern = _decoded_path(text)
    if _decoded_path(pattern) != pattern:
        raise ValueError("Its escapes (%..) could be read in two ways: write * for them.")
    return pattern


def referrer(text: str) -> str:
    """Normalize `https://WWW.Google.com/` to `www.google.com`, a host with its subdomains; else to a pattern."""
    text = text.strip()
    if re.search(r"[?#]", text):
        raise ValueError("A referrer is known without its query: leave out what follows ? or #.")
    whole = _WHOLE_ADDRESS.fullmatch(text)
    if not whole and (app := re.fullmatch(r"(android-app://[^/]+)(/.*)?", text)):
        return app[0] if app[2] else f"{app[1]}/*"
    if not whole and re.match(r"[a-z][a-z0-9+.-]*://", text, re.IGNORECASE):
        raise ValueError("Only pages that are reached by https:// or http:// send shoppers.")
    host, _, path = (whole[1] + whole[2] if whole else text).partition("/")
    host = _referring_host(host)
    if "*" in host and not path:
        return host if host.endswith("*") else f"{host}/*"  # an address always has a path
    return f"{host}/{quote(path, safe=_LEFT_IN_PATHS)}" if path else host


# The lists of addresses in a popup's targeting, and the form in which each is compared.
TARGETING_FORMS: dict[str, Callable[[str], str]] = {
    "include_pages": page_pattern,
    "exclude_pages": page_pattern,
    "referrers": referrer,
}


def origin(text: str) -> str:
    """Normalize `HTTPS://Bücher.example:443` to `https://xn--bcher-kva.example`, as browsers send it."""
    wrong = ValueError("An origin such as https://shop.example.com.")
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme not in _DEFAULT_PORTS or parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        raise wrong
    host = ascii_host(parts.netloc.removesuffix(f":{port}").removesuffix(":"))
    if not (_HOST.fullmatch(host) or _IPV6.fullmatch(host)) or len(host) > MAX_HOST_CHARACTERS:
        raise wrong
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, _DEFAULT_PORTS[parts.scheme]) else "")


def ascii_host(host: str) -> str:
    """Return the host in lower case, with non-ASCII labels in Punycode (UTS 46, nontransitional)."""
    labels = unicodedata.normalize("NFKC", host.lower()).lower().replace("\u3002", ".").split(".")
    return ".".join(label if label.isascii() else f"xn--{label.encode('punycode').decode()}" for label in labels)


def decode_uri(text: str) -> str:
    """Decode as JavaScript's decodeURI does; return the text itself where that would throw."""
    if _BAD_ESCAPE.search(text):
        return text
    try:
        return "".join(part if _KEPT.fullmatch(part) else unquote(part, errors="strict") for part in _KEPT.split(text))
    except UnicodeDecodeError:
        return text


def _decoded_path(text: str) -> str:
    text = text.strip()
    if whole := _WHOLE_ADDRESS.fullmatch(text):
        host, rest = whole.groups()
        text = _path_of(host, rest)
    elif _MAYBE_HOST.match(text) or _OTHER_SCHEME.match(text):
        raise ValueError("A path starts with /, an address with https://.")
    if text.startswith("?"):
        raise ValueError(f"Which page? /{text} is the home page, *{text} is every page.")
    if "#" in text:
        raise ValueError("What follows # is never compared: leave it out.")
    text = decode_uri(text if text.startswith(("/", "*")) else f"/{text}")
    if _DOT_SEGMENT.search(text.partition("?")[0]):
        raise ValueError("Browsers resolve . and .. in a path: write it as the address bar shows it.")
    return text


def _path_of(host: str, rest: str) -> str:
    """Return the path of a whole URL. `https://shop.example*` gives a leading star; `https://*` matches any page."""
    star = "*" if host.endswith("*") and (host != "*" or not rest) else ""
    return star + rest if star or rest.startswith("/") else f"/{rest}"


def _referring_host(host: str) -> str:
    """Return the host of `user@host:443`; a port other than the default stays, and so do stars."""
    host = ascii_host(re.sub(r":(?:443|80)?\Z", "", host.rpartition("@")[2]))
    name = re.sub(r":[0-9]{1,5}\Z", "", host.replace("*", "a"))
    if not _HOST.fullmatch(name) and not _IPV6.fullmatch(name):
        raise ValueError("A host such as google.com, or a pattern such as blog.example/plants/*.")
    return host
