"""What merchants write of web addresses, in the one form in which it is compared: pages, referrers and origins.

The storefront script compares a page pattern with `decodeURI(location.pathname)`, with the query where the pattern has
a `?`; a referrer with `document.referrer` without its scheme and query, which browsers percent-encode; and a browser's
`Origin` has no default port, small letters and `xn--`. Normalizing twice changes nothing, so that what is stored can be
read and written again. Every function raises ValueError, whose text is for the merchant.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote, unquote, urlsplit

# What JavaScript's decodeURI leaves as it is: ; / ? : @ & = + $ , #
_KEPT = re.compile(r"(%(?:3B|2F|3F|3A|40|26|3D|2B|24|2C|23))", re.IGNORECASE)
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")

# `https://shop.example/a`, `//shop.example/a`, and `*://…` as browsers' extensions write it; the host may have stars.
_WHOLE_ADDRESS = re.compile(r"(?:(?:https?|\*):)?//([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)
_OTHER_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
# `shop.example/a` may begin with a host or with a folder, `index.php/a` begins with a file.
_MAYBE_HOST = re.compile(r"www\.|(?:[\w-]+\.)+(?!html?/|php\d?/|aspx?/|jsp/|cgi/)[^\W\d_]{2,}(?::\d+)?/", re.IGNORECASE)
_DOT_SEGMENT = re.compile(r"/\.\.?(?=/|\Z)")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}")
_IPV6 = re.compile(r"\[[0-9a-f:.]{2,45}\]")
_DEFAULT_PORTS = {"http": 80, "https": 443}
# The ASCII that a browser leaves in a path as it is (URL Standard, path percent-encode set).
_LEFT_IN_PATHS = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"#<>?`{}')
MAX_HOST_CHARACTERS = 253


def page_pattern(text: str) -> str:
    """`https://shop.example/caf%C3%A9/*` as `/café/*`: the path, and the query where there is one."""
    pattern = _decoded_path(text)
    if _decoded_path(pattern) != pattern:
        raise ValueError("Its escapes (%..) could be read in two ways: write * for them.")
    return pattern


def referrer(text: str) -> str:
    """`https://WWW.Google.com/` as `www.google.com`, the host and its subdomains; with a path or stars, a pattern."""
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


def origin(text: str) -> str:
    """`HTTPS://Bücher.example:443` as `https://xn--bcher-kva.example`, which is what browsers send."""
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
    """A host as it is in addresses: small letters, and Punycode for a label of others (UTS 46, nontransitional)."""
    labels = unicodedata.normalize("NFKC", host.lower()).lower().replace("\u3002", ".").split(".")
    return ".".join(label if label.isascii() else f"xn--{label.encode('punycode').decode()}" for label in labels)


def decode_uri(text: str) -> str:
    """What JavaScript's decodeURI makes of it; the text itself where that fails."""
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
        raise ValueError("A path begins with /, an address with https://.")
    if text.startswith("?"):
        raise ValueError(f"Which page? /{text} is the home page, *{text} is every page.")
    if "#" in text:
        raise ValueError("What follows # is never compared: leave it out.")
    text = decode_uri(text if text.startswith(("/", "*")) else f"/{text}")
    if _DOT_SEGMENT.search(text.partition("?")[0]):
        raise ValueError("Browsers resolve . and .. in a path: write it as the address bar shows it.")
    return text


def _path_of(host: str, rest: str) -> str:
    """What a whole address says of the page. `https://shop.example*` begins it with a star; `https://*` is any page."""
    star = "*" if host.endswith("*") and (host != "*" or not rest) else ""
    return star + rest if star or rest.startswith("/") else f"/{rest}"


def _referring_host(host: str) -> str:
    """Of `user@host:443`, the host; another port stays. Stars, which are no letters of a host, stay too."""
    host = ascii_host(re.sub(r":(?:443|80)?\Z", "", host.rpartition("@")[2]))
    name = re.sub(r":[0-9]{1,5}\Z", "", host.replace("*", "a"))
    if not _HOST.fullmatch(name) and not _IPV6.fullmatch(name):
        raise ValueError("A host such as google.com, or a pattern such as blog.example/plants/*.")
    return host
