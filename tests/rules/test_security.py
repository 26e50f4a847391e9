"""What docs/security.md promises and no other test shows; and that the tests it names are there."""

import re

import psutil
import pytest
import requests

from tests.support.factories import Shop
from tests.support.stack import FUNCTIONS, ROOT, FunctionProcess, Stack


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("path", ["/_health", "/", "/nowhere", "/popups", "/shop"])
def test_every_answer_is_fit_for_a_browser_that_was_led_to_it(
    name: str, path: str, request: pytest.FixtureRequest, shop: Shop
) -> None:
    function: FunctionProcess = request.getfixturevalue(name)
    headers = requests.get(f"{function.url}{path}", headers=shop.reader, timeout=10).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["Strict-Transport-Security"] == "max-age=31536000"
    assert headers["Content-Type"].partition(";")[0] in ("application/json", "application/problem+json")


def test_what_a_merchant_reads_is_kept_by_nobody(
    manage_popups: FunctionProcess, stats: FunctionProcess, shop: Shop
) -> None:
    assert (
        requests.get(f"{manage_popups.url}/shop", headers=shop.reader, timeout=10).headers["Cache-Control"]
        == "no-store"
    )
    assert (
        requests.get(f"{stats.url}/shop", headers=shop.reader, timeout=10)
        .headers["Cache-Control"]
        .startswith("private")
    )


def test_a_functions_processes_show_no_secret(stack: Stack, stats: FunctionProcess) -> None:
    family = [psutil.Process(stats.pid), *psutil.Process(stats.pid).children(recursive=True)]
    shown = " ".join(" ".join(process.cmdline()) for process in family)
    for secret in (stack.database_url, stack.valkey.url, "popups:popups"):
        assert secret not in shown
        assert secret not in stats.logs()


def test_every_test_that_the_document_names_exists() -> None:
    document = (ROOT / "docs/security.md").read_text()
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", document)
    assert len(named) > 20
    for path, name in named:
        assert not name or f"def {name}(" in (ROOT / path).read_text(), f"{path}::{name}"
