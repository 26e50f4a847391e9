"""What is built: within its budget, under names that tell nothing, from sources in order."""

from __future__ import annotations

import gzip
import re
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from tests.console.conftest import NOT_BUILT
from tests.console.door import BUILT
from tests.support.stack import ROOT

CONSOLE = ROOT / "console"

# Of the first page, gzipped; the editor and the charts are chunks of their own.
BUDGETS = {".js": 45 * 1024, ".css": 8 * 1024}

# What content blockers match in addresses.
TELLING = re.compile(r"popup|stat|track|analytic|campaign|banner|advert|promo", re.IGNORECASE)


@pytest.fixture(scope="module")
def page() -> str:
    if not (BUILT / "headers.json").is_file():
        pytest.skip(NOT_BUILT)
    return (BUILT / "index.html").read_text()


@pytest.mark.parametrize("kind", BUDGETS)
def test_the_first_page_is_within_its_budget(page: str, kind: str) -> None:
    """With everything that its entry imports by itself, and not what it imports once a page is opened."""
    files = {BUILT / name for name in re.findall(rf'(?:src|href)="\./(files/[^"]+{kind})"', page)}
    assert files
    size = sum(len(gzip.compress(file.read_bytes(), 9, mtime=0)) for file in files | imported(files))
    assert size <= BUDGETS[kind]


def imported(files: set[Path]) -> set[Path]:
    """Return the modules that these import statically, and those that they import in turn."""
    names = {name for file in files for name in re.findall(r'(?:from|import)"\./([^"]+)"', file.read_text())}
    found = {BUILT / "files" / name for name in names} - files
    return found | imported(files | found) if found else found


def test_no_name_tells_a_content_blocker_anything(page: str) -> None:
    names = [path.relative_to(BUILT).as_posix() for path in BUILT.rglob("*") if path.is_file()]
    assert [name for name in names if TELLING.search(name)] == []


def test_no_page_asks_another_host_for_anything(page: str) -> None:
    """Texts name addresses, as examples; what is loaded or called has none."""
    for path in BUILT.rglob("*.html"):
        assert re.findall(r'(?:src|href)="(?:https?:)?//[^"]+"', path.read_text()) == []


def test_the_policy_allows_nothing_inline_in_any_page(page: str) -> None:
    for path in BUILT.glob("*.html"):
        assert "unsafe-" not in path.read_text().split("<title>")[0]
    assert "require-trusted-types-for" in page


def test_the_lock_pins_every_package_by_its_content_and_names_no_host() -> None:
    lock = (CONSOLE / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert lock.count('"integrity": "sha512-') == len(re.findall(r'^    "node_modules/', lock, re.MULTILINE))


@pytest.mark.parametrize(
    "command",
    [("tsc",), ("biome", "check", "--error-on-warnings"), ("node", "--test")],
    ids=["types", "lint", "pure parts"],
)
def test_the_sources_pass(page: str, command: tuple[str, ...]) -> None:
    path = f"{Path(sys.executable).parent}:{CONSOLE}/node_modules/.bin:/usr/bin:/bin"
    done = subprocess.run(
        command, cwd=CONSOLE, env={"PATH": path}, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_module_has_one_topic() -> None:
    lines = {
        path.relative_to(CONSOLE).as_posix(): path.read_text().count("\n")
        for path in (CONSOLE / "src").rglob("*.ts*")
        if path.name != "schema.ts"  # which is written for us
    }
    assert {name: count for name, count in lines.items() if count > 280} == {}
    assert statistics.median(lines.values()) < 100


def test_no_class_tells_a_content_blocker_anything() -> None:
    """Blockers hide elements by their class, too."""
    written = "\n".join(path.read_text() for path in (CONSOLE / "src").rglob("*.tsx"))
    classes = {name for text in re.findall(r'class=(?:"|\{`)([^"`]*)', written) for name in text.split()}
    assert classes
    assert [name for name in classes if TELLING.search(name)] == []
