"""Addresses as merchants write them, and the one form in which they are compared."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.shop.addresses import ascii_host, decode_uri, origin, page_pattern, referrer

PAGES: dict[str, tuple[str, str]] = {
    "a path": ("/products/*", "/products/*"),
    "escapes": ("/kasse/%C3%BCbersicht", "/kasse/übersicht"),
    "an escaped slash stays": ("/a%2fb", "/a%2fb"),
    "escapes that are no UTF-8 stay": ("/%E9*", "/%E9*"),
    "a percent sign": ("/100%", "/100%"),
    "a whole address": ("https://shop.example/sale?colour=%C3%BC", "/sale?colour=ü"),
    "in capitals": ("HTTPS://Shop.Example/Sale", "/Sale"),
    "without a path": ("https://shop.example", "/"),
    "without a path, with a query": ("https://shop.example?page=2", "/?page=2"),
    "with a star for all pages": ("https://shop.example*", "*"),
    "with a star for any host": ("https://*/cart", "/cart"),
    "as extensions write it": ("*://*.shop.example/cart*", "/cart*"),
    "without a scheme, after two slashes": ("//shop.example/cart", "/cart"),
    "no leading slash": ("products/*", "/products/*"),
    "no leading slash, a file": ("cart.php", "/cart.php"),
    "no leading slash, below a file": ("index.php/cart", "/index.php/cart"),
    "a star first": ("*/checkout", "*/checkout"),
    "blanks around": (" /cart ", "/cart"),
    "names that begin with dots": ("/.well-known/...", "/.well-known/..."),
}


@pytest.mark.parametrize(("written", "compared"), PAGES.values(), ids=PAGES)
def test_a_page_pattern_is_what_the_script_compares(written: str, compared: str) -> None:
    assert page_pattern(written) == compared


NO_PAGES = {
    "a query alone": "?page=2",
    "a part after #": "/#/cart",
    "steps up": "/a/../b",
    "escaped steps up": "/a/%2e%2e/b",
    "a host, or a folder": "shop.example/cart",
    "a host, as it seems": "www.shop.example",
    "a host with a port": "localhost:3000/cart",
    "a script": "javascript:alert(1)",
    "a letter to": "mailto:ann@shop.example",
    "an escape of an escape": "/100%2520",
    "an escaped blank at its end": "/two%20",
}


@pytest.mark.parametrize("text", NO_PAGES.values(), ids=NO_PAGES)
def test_what_could_match_no_page_or_another_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        page_pattern(text)


REFERRERS: dict[str, tuple[str, str]] = {
    "a host": ("google.com", "google.com"),
    "its address": ("https://www.google.com", "www.google.com"),
    "its home page": ("https://www.google.com/", "www.google.com"),
    "in capitals": ("HTTPS://WWW.Google.com", "www.google.com"),
    "the port that is understood": ("https://www.google.com:443/maps", "www.google.com/maps"),
    "another port": ("localhost:3000", "localhost:3000"),
    "a name and a password": ("https://me:secret@blog.example", "blog.example"),
    "a host that people read": ("https://bücher.example/", "xn--bcher-kva.example"),
    "a path that people read": ("blog.example/über/*", "blog.example/%C3%BCber/*"),
    "a path with a blank": ("blog.example/two words", "blog.example/two%20words"),
    "a path as it was copied": ("blog.example/%C3%BCber", "blog.example/%C3%BCber"),
    "subdomains by a star": ("*.google.com", "*.google.com/*"),
    "subdomains by a star, as an address": ("https://*.google.com/", "*.google.com/*"),
    "any ending": ("google.*", "google.*"),
    "any text": ("*", "*"),
    "an app": ("android-app://com.google.android.gm", "android-app://com.google.android.gm/*"),
    "an app, as it is sent": ("android-app://com.google.android.gm/", "android-app://com.google.android.gm/"),
}


@pytest.mark.parametrize(("written", "compared"), REFERRERS.values(), ids=REFERRERS)
def test_a_referrer_is_what_the_script_compares(written: str, compared: str) -> None:
    assert referrer(written) == compared


NO_REFERRERS = {
    "a query": "https://www.google.com/search?q=fern",
    "a part after #": "blog.example/#top",
    "another scheme": "ftp://files.example",
    "no host": "https://",
    "a blank in it": "blog .example",
    "two dots": "blog..example",
    "a path alone": "/products",
}


@pytest.mark.parametrize("text", NO_REFERRERS.values(), ids=NO_REFERRERS)
def test_what_sends_nobody_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        referrer(text)


ORIGINS: dict[str, tuple[str, str]] = {
    "an origin": ("https://shop.example", "https://shop.example"),
    "the default port": ("https://shop.example:443", "https://shop.example"),
    "the default port without TLS": ("http://shop.example:80", "http://shop.example"),
    "the other's default port": ("http://shop.example:443", "http://shop.example:443"),
    "another port": ("http://localhost:3000", "http://localhost:3000"),
    "capitals": ("HTTPS://Shop.Example", "https://shop.example"),
    "letters beyond ASCII": ("https://Bücher.example", "https://xn--bcher-kva.example"),
    "a sharp s, which is a letter of its own": ("https://straße.example", "https://xn--strae-oqa.example"),
    "an address of version 6": ("http://[::1]:8080", "http://[::1]:8080"),
    "blanks around": (" https://shop.example ", "https://shop.example"),
}


@pytest.mark.parametrize(("written", "sent"), ORIGINS.values(), ids=ORIGINS)
def test_an_origin_is_what_browsers_send(written: str, sent: str) -> None:
    assert origin(written) == sent


NO_ORIGINS = {
    "a path": "https://shop.example/cart",
    "a slash": "https://shop.example/",
    "a star": "https://*.shop.example",
    "no scheme": "shop.example",
    "another scheme": "ftp://shop.example",
    "a port too high": "https://shop.example:99999",
    "a port in letters": "https://shop.example:https",
    "a name and a password": "https://me:secret@shop.example",
    "no host": "https://",
    "two dots": "https://shop..example",
    "half an address of version 6": "https://[::1",
}


@pytest.mark.parametrize("text", NO_ORIGINS.values(), ids=NO_ORIGINS)
def test_what_no_browser_sends_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="An origin such as"):
        origin(text)


PARTS = [" ", *"/ // https: * ? % %2F %20 %25 %C3%BC %2e . .. a Ü ß : @ # www. \\".split()]  # noqa: SIM905


@pytest.mark.parametrize("form", [page_pattern, referrer, origin])
@given(text=st.lists(st.sampled_from(PARTS) | st.text(max_size=2), max_size=8).map("".join))
def test_what_is_in_its_form_stays_as_it_is(form: Callable[[str], str], text: str) -> None:
    try:
        normal = form(text)
    except ValueError:
        return
    assert form(normal) == normal


@pytest.mark.parametrize("text", ["%", "%zz", "%C3", "%C3%2F", "%ED%A0%80", "%FF"])
def test_what_is_no_address_stays_as_it_is(text: str) -> None:
    assert decode_uri(text) == text


def test_a_host_is_compared_in_ascii() -> None:
    assert ascii_host("WWW.MÜNCHEN.example") == "www.xn--mnchen-3ya.example"
