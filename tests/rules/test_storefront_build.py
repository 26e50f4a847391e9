"""The storefront script's build: what is committed is what the sources give, and the sources are in order.

It needs Node and npm's registry, once; nothing else in the project does.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from filecmp import dircmp
from itertools import combinations
from pathlib import Path

import pytest

from common.version import VERSION
from tests.browser.support.built import BUDGETS, DIALOG, DIST, LOADER, budgets_told, gzipped_bytes
from tests.support.arrows import below
from tests.support.stack import ROOT

STOREFRONT = ROOT / "storefront"
SCRIPT = STOREFRONT / "script"
MODULES = {path.relative_to(SCRIPT).as_posix(): path.read_text() for path in SCRIPT.rglob("*.js")}
MAX_LINES = 200

Run = Callable[..., subprocess.CompletedProcess[str]]


def imported_by(name: str) -> set[str]:
    """Return the modules that this one imports."""
    named = re.findall(r'^(?:import|export)\b[^;]*?"(\.[^"]*\.js)";', MODULES[name], re.MULTILINE)
    return {os.path.normpath(Path(name).parent / each) for each in named}


ENTRIES = ("loader/loader.js", "dialog/part.js", "codes/codes.js", "amounts/amounts.js", "platforms/shopify.js")
ARROWS = {name: imported_by(name) for name in MODULES}


def reached(entry: str) -> set[str]:
    return {entry} | below(ARROWS, entry)


def test_no_module_of_the_script_is_in_a_circle() -> None:
    assert [name for name in MODULES if name in below(ARROWS, name)] == []


def test_a_module_of_the_script_has_one_topic() -> None:
    lines = {name: code.count("\n") for name, code in MODULES.items()}
    assert {name: count for name, count in lines.items() if count > MAX_LINES} == {}


def test_every_module_is_in_one_of_the_files() -> None:
    assert set().union(*map(reached, ENTRIES)) == set(MODULES)


def test_no_two_files_share_state() -> None:
    """What two import is in both, so it can only be what has none."""
    for one, other in combinations(ENTRIES, 2):
        for name in reached(one) & reached(other):
            assert name.startswith("shared/")
            assert not re.search(r"^(export )?(let|var)\b", MODULES[name], re.MULTILINE)


def test_what_several_modules_change_is_in_one() -> None:
    """The language lets nobody write an imported variable: the others' are changed by themselves alone."""
    changing = {name for name, text in MODULES.items() if re.search(r"^export (let|var)\b", text, re.MULTILINE)}
    alone = {"loader/visitor.js", "loader/storage.js", "loader/part.js", "dialog/loader.js"}
    assert changing == {"loader/state.js"} | alone


def test_the_names_that_the_build_shortens_are_nobody_elses() -> None:
    """The API's, the page's and storage's have to stay as they are."""
    interfaces = dict(re.findall(r"^(?:export )?interface (\w+) {\n(.*?)^}", INTERNAL_TYPES + TYPES, re.M | re.S))
    names = {interface: set(re.findall(r"^  (\w+)[?(:]", text, re.M)) for interface, text in interfaces.items()}
    shortened = names.pop("Loader") | names.pop("Part")
    del names["Place"]  # of no page, server or storage either
    published = set(re.findall(r'"(\w+)":', (ROOT / "docs" / "openapi.json").read_text()))
    assert len(shortened) > 15
    assert shortened & (published | set().union(*names.values())) == set()
    assert [name for name in shortened if re.search(rf"[.{{,]{name}\b", LOADER.read_text() + DIALOG.read_text())] == []


def test_lists_are_not_walked_by_what_a_page_may_have_broken() -> None:
    """shared/lists.js tells why: for-of, spread, destructured lists and methods of Array.prototype ask the page."""
    walked = re.compile(r"[(\[]\.\.\.|\bfor \(const .* of |(?:const|let) \[|\.(?:forEach|map|filter|push)\(")
    allowed = ("new URLSearchParams(location.search).forEach(", "calls.push(call)")
    for name, code in MODULES.items():
        for phrase in allowed:
            code = code.replace(phrase, "")
        assert (name, walked.findall(code)) == (name, [])


def test_the_files_are_within_their_budgets() -> None:
    """Budgets with less than a tenth free are told: whoever adds to them next should not have to make room first."""
    filled = {path.name: gzipped_bytes(path) / budget for path, budget in BUDGETS.items()}
    if tight := [name for name, share in filled.items() if share > 0.9]:
        warnings.warn(f"less than a tenth of its budget is free: {tight}", stacklevel=1)
    assert [name for name, share in filled.items() if share > 1] == [], budgets_told()


@pytest.fixture(scope="module")
def run() -> Run:
    """Return what runs node or a program of storefront's pinned packages, which are installed if they are missing."""
    with (STOREFRONT / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        install()
    return node


def install() -> None:
    installed, pinned = STOREFRONT / "node_modules" / ".package-lock.json", STOREFRONT / "package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= pinned.stat().st_mtime:
        return
    done = node("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=0")
    if done.returncode:
        pytest.skip(f"STOREFRONT BUILD NOT CHECKED: npm ci failed: {(done.stderr.splitlines() or ['?'])[0]}")


def node(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """With the Node of the virtual environment, which is pinned as well."""
    path = f"{Path(sys.executable).parent}:{STOREFRONT}/node_modules/.bin:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path}
    return subprocess.run(
        [program, *arguments], cwd=STOREFRONT, env=environment, capture_output=True, text=True, timeout=300
    )


def test_what_is_committed_is_what_the_sources_give(run: Run, tmp_path: Path) -> None:
    done = run("node", "build.js", str(tmp_path))
    assert done.returncode == 0, done.stderr
    compared = dircmp(DIST, tmp_path)
    assert (compared.left_only, compared.right_only, compared.diff_files) == ([], [], []), "make script builds it"


@pytest.mark.parametrize("command", [("tsc",), ("biome", "check", "--error-on-warnings")], ids=["types", "lint"])
def test_the_sources_pass(run: Run, command: tuple[str, ...]) -> None:
    done = run(*command)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_lock_pins_every_package_by_its_content_and_names_no_host() -> None:
    lock = (STOREFRONT / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert lock.count('"integrity": "sha512-') == len(re.findall(r'^    "node_modules/', lock, re.MULTILINE))


def test_the_package_can_be_published(run: Run) -> None:
    """It has the built files, the types and no more. It is not published by anything here."""
    done = run("npm", "pack", "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    packed = set(re.findall(r'"path": "([^"]+)"', done.stdout))
    assert packed == {"package.json", "README.md", "index.d.ts"} | {f"dist/{path.name}" for path in DIST.iterdir()}


README = (STOREFRONT / "README.md").read_text()
TYPES = (STOREFRONT / "index.d.ts").read_text()
INTERNAL_TYPES = (SCRIPT / "types.d.ts").read_text()


def members(interface: str) -> set[str]:
    """Return the names that an interface of index.d.ts declares."""
    found = re.search(rf"interface {interface} {{(.*?)\n}}", TYPES, re.DOTALL)
    assert found
    return set(re.findall(r"^  (\w+)[?(:]", found[1], re.MULTILINE))


def documented(first_column: str) -> list[str]:
    """Return the names in the README's table whose first column has this heading."""
    table = README.split(f"| {first_column} | meaning |")[1].split("\n\n")[0]
    return re.findall(r"`([\w-]+)", "\n".join(row.split(" | ")[0] for row in table.splitlines()))


def camel_case(attribute: str) -> str:
    first, *more = attribute.removeprefix("data-").split("-")
    return first + "".join(map(str.capitalize, more))


def test_the_readme_has_every_attribute_once_and_the_types_have_the_same() -> None:
    attributes = documented("attribute")
    assert len(set(attributes)) == len(attributes)
    assert {camel_case(attribute) for attribute in attributes} == members("Settings")


def test_the_readme_has_every_call_and_the_types_have_the_same() -> None:
    calls = set(re.findall(r"^  (?:async )?(\w+)(?:\(|: |,$)", MODULES["loader/calls.js"], re.MULTILINE)) - {"if"}
    assert set(documented("call")) | {"push"} == members("ExitIntent") == calls


def test_the_readme_has_every_warning() -> None:
    warnings = re.findall(r"console\.(?:warn|info)\(\s*[\"`]([^\"`$]+)", "".join(MODULES.values()))
    assert len(warnings) > 5
    assert [warning for warning in warnings if warning.strip() not in README] == []


def test_the_package_has_the_products_version() -> None:
    for name in ("package.json", "package-lock.json"):
        assert json.loads((STOREFRONT / name).read_text())["version"] == VERSION
