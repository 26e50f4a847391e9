"""E-mail addresses: what is one, and that all its spellings are one."""

import pytest

from common.shop.emails import beginning, canonical, normalized, other_spellings

GOOD = [
    "ada@example.com",
    "a..b@docomo.ne.jp",
    ".dot.first@example.com",
    "dot.last.@example.com",
    "o'brien+tag@sub.example.co.uk",
    "!#$%&'*+/=?^_`{|}~-@example.com",
    "1@2.example",
    "a@b.c",
    "a@3m.com",
    "a@x.c0m",
    "ünïcode@example.com",
    "用户@例え.jp",
    "उपयोगकर्ता@उदाहरण.भारत",
    "ann@bücher.example",
    "ann@xn--bcher-kva.example",
    "ann@☃.net",
    "  ada@example.com\u00a0",
    f"a@{'x' * 63}.example",
]
BAD = [
    "",
    "ada",
    "@example.com",
    "ada@",
    "user@localhost",
    "user@shop.localhost",
    "user@[127.0.0.1]",
    "user@[IPv6:::1]",
    "user@127.0.0.1",
    "user@example.123",
    '"quoted local"@example.com',
    "two words@example.com",
    "ada@exam ple.com",
    "a@b@example.com",
    "ada@example..com",
    "ada@.example.com",
    "ada@example.com.",
    "ada@-example.com",
    "ada@example-.com",
    "ada@exam_ple.com",
    "ada@xn--zzzzzzzz99.example",
    "a\u200bda@example.com",
    "ada@ex\u202eample.com",
    "ada\x00@example.com",
    f"a@{'x' * 64}.example",
    f"a@{'x.' * 127}example",
    "Ada <ada@example.com>",
    "mailto:ada@example.com",
]


@pytest.mark.parametrize("email", GOOD, ids=ascii)
def test_what_an_email_input_takes_at_a_domain_of_the_internet_is_an_address(email: str) -> None:
    assert normalized(email) is not None


@pytest.mark.parametrize("email", BAD, ids=ascii)
def test_anything_else_is_none(email: str) -> None:
    assert normalized(email) is None


@pytest.mark.parametrize(
    ("spelling", "form"),
    [
        ("Ada@Example.COM", "ada@example.com"),
        ("\ufeffada@example.com\u3000", "ada@example.com"),
        ("zoe\u0308@example.com", "zoë@example.com"),
        ("ZOË@example.com", "zoë@example.com"),
        ("a@XN--BCHER-KVA.example", "a@bücher.example"),
        ("a@BU\u0308CHER.example", "a@bücher.example"),
        ("a@\uff45xample\uff0ecom", "a@example.com"),
        ("a@日本語。jp", "a@日本語.jp"),
        ("a@xn--fa-hia.de", "a@faß.de"),
    ],
    ids=ascii,
)
def test_all_spellings_have_one_form_and_it_is_its_own(spelling: str, form: str) -> None:
    assert normalized(spelling) == form
    assert normalized(form) == form


@pytest.mark.parametrize(("one", "other"), [("a@faß.de", "a@fass.de"), ("a.b@example.com", "ab@example.com")])
def test_what_may_be_another_mailbox_is_another_address(one: str, other: str) -> None:
    assert normalized(one) != normalized(other)


@pytest.mark.parametrize(
    ("one", "other"), [("+ann@example.com", "+bob@example.com"), ("..@gmail.com", "...@gmail.com")]
)
def test_addresses_of_which_no_person_would_be_left_have_codes_of_their_own(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


@pytest.mark.parametrize("email", GOOD, ids=ascii)
def test_every_other_spelling_leads_back_to_the_form(email: str) -> None:
    form = normalized(email)
    assert form is not None
    others = other_spellings(form)
    assert {normalized(other) for other in others} == ({form} if others else set())
    assert form not in others
    assert bool(others) == (not form.isascii())


@pytest.mark.parametrize(
    ("typed", "start"),
    [
        (" Ada@Ex", "ada@ex"),
        ("a@BU\u0308", "a@bü"),
        ("a@xn--bcher-kva", "a@bücher"),
        ("ada", "ada"),
        ("@", "@"),
        ("a_%", "a_%"),
    ],
    ids=ascii,
)
def test_the_beginning_of_an_address_is_the_beginning_of_its_form(typed: str, start: str) -> None:
    assert beginning(typed) == start
