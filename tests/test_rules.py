"""The rules of CONTRIBUTING.md, read off the source: who imports whom, who reads the environment, what is documented"""

import ast
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks import chart
from common.config import Config, about, load
from common.version import VERSION
from ops.settings_pages import PAGES
from tests.arrows import PAGE, arrows, below, layers, with_pictures
from tests.imports import ROOT, all_imports, imports_with_module, server_sources, sources

OURS = [folder for folder in ROOT.iterdir() if folder.is_dir() and not folder.name.startswith(".")]
# What npm has installed is not.
OUR_FILES = [path for folder in OURS for path in folder.rglob("*.*") if "node_modules" not in path.parts]

ANYBODY = None
# Who may import what is not ours. What is not in this table nobody may import: it is not installed where functions run.
THIRD_PARTY = {
    "crawleruseragents": {"common.crawlers"},
    "flask": {"common.flask_adapter"},
    "functions_framework": {"common.flask_adapter", "common.asgi_adapter"},
    "google": {"common.cloud_sql"},
    "idna": {"common.email_forms"},
    "marshmallow": ANYBODY,
    "pg8000": {"common.cloud_sql", "common.connect", "common.session"},
    "redis": {"common.redis_client", "common.redis_nodes"},
    "starlette": {"common.asgi_adapter"},
}
# What costs a cold start more than it gives: imported by the request that needs it, never with the module.
LATE = {"crawleruseragents", "google", "idna", "redis"}

# More has a second topic. A statement of SQL has one, however long it is.
MAX_LINES, MAX_FUNCTION_LINES = 200, 30

# Who in common/ may import these of our own.
KNOWN_TO = {
    "common.http": {"common.asgi_adapter", "common.flask_adapter"},
    "common.redis_client": {"common.change_log", "common.health", "common.rate_limit", "common.shared_cache"},
    "common.shared_cache": {"common.cache", "common.cache_loading"},
    "common.session": {"common.database"},
    "common.connect": {"common.replica", "common.session"},
    "common.cloud_sql": {"common.connect"},
    "common.config_fields": {"common.config"},
    "common.config_values": {"common.config", "common.config_fields"},
}


@pytest.mark.parametrize("name", sources("common"))
def test_common_knows_no_function_and_no_command(name: str) -> None:
    outside = {
        module for module in all_imports(sources("common")[name]) if re.match(r"(functions|cli|tests)\b", module)
    }
    assert not outside


@pytest.mark.parametrize("name", sources("functions"))
def test_no_function_imports_another(name: str) -> None:
    own = ".".join(name.split(".")[:2])
    others = {
        module for module in all_imports(sources("functions")[name]) if re.match(r"(functions|cli|tests)\b", module)
    }
    assert {module for module in others if module != own and not module.startswith(f"{own}.")} == set()


@pytest.mark.parametrize("name", server_sources())
def test_what_is_not_ours_is_imported_only_where_it_belongs(name: str) -> None:
    for module in all_imports(server_sources()[name]):
        package = module.split(".")[0]
        if package in sys.stdlib_module_names or package in ("common", "functions"):
            continue
        assert package in THIRD_PARTY, f"{name} imports {module}"
        allowed = THIRD_PARTY[package]
        assert allowed is ANYBODY or name in allowed, f"{name} imports {module}"


@pytest.mark.parametrize("name", server_sources())
def test_costly_packages_are_imported_by_the_request_that_needs_them(name: str) -> None:
    assert not {module for module in imports_with_module(server_sources()[name]) if module.split(".")[0] in LATE}


@pytest.mark.parametrize("name", KNOWN_TO)
def test_a_module_is_known_only_to_those_above_it(name: str) -> None:
    importers = {other for other, tree in sources("common").items() if name in all_imports(tree)}
    assert importers <= KNOWN_TO[name]


@pytest.mark.parametrize("name", sorted(set(sources("common")) - {"common"}))
def test_arrows_point_down(name: str) -> None:
    """tests/arrows.py lists the layers; a new module is added to one of them."""
    depth, own = next(
        (depth, group) for depth, layer in enumerate(layers()) for group in layer.values() if name in group
    )
    lower = set().union(*(group for layer in layers()[depth + 1 :] for group in layer.values()))
    assert arrows("common")[name] <= own | lower


def test_what_everything_stands_on_stands_on_nothing() -> None:
    (ground,) = layers()[-1].values()
    assert {name: arrows("common")[name] for name in ground if arrows("common")[name]} == {}


def test_each_module_of_common_is_in_one_layer() -> None:
    listed = [name for layer in layers() for group in layer.values() for name in group]
    assert sorted(listed) == sorted(set(sources("common")) - {"common"})


@pytest.mark.parametrize("name", arrows("common", "functions", "cli", "openapi", "ops"))
def test_no_circle_of_imports(name: str) -> None:
    assert name not in below(arrows("common", "functions", "cli", "openapi", "ops"), name)


def test_pictures_of_the_arrows_are_up_to_date() -> None:
    """`make arrows` draws them."""
    assert PAGE.read_text() == with_pictures(PAGE.read_text())


@pytest.mark.parametrize("name", server_sources())
def test_only_config_reads_the_environment(name: str) -> None:
    if name == "common.config":
        return
    for node in ast.walk(server_sources()[name]):
        assert not (isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv"))
        if isinstance(node, ast.ImportFrom) and node.module == "os":
            assert not {alias.name for alias in node.names} & {"environ", "environb", "getenv"}


@pytest.mark.parametrize(
    "name", server_sources() | sources("cli") | sources("ops") | sources("tests") | sources("benchmarks")
)
def test_every_module_says_what_it_owns(name: str) -> None:
    tree = (server_sources() | sources("cli") | sources("ops") | sources("tests") | sources("benchmarks"))[name]
    assert ast.get_docstring(tree) or not tree.body


def test_no_file_is_a_drawer_for_everything() -> None:
    drawers = {"util", "utils", "helper", "helpers", "misc"}
    assert [path for path in OUR_FILES if path.stem.lower() in drawers] == []


@pytest.mark.parametrize("name", server_sources() | sources("cli") | sources("openapi") | sources("ops"))
def test_what_is_longer_than_a_page_or_two_is_sql(name: str) -> None:
    tree = (server_sources() | sources("cli") | sources("openapi") | sources("ops"))[name]
    statements = [node for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)]
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert lines(tree.body) - sum(lines([statement]) for statement in statements) <= MAX_LINES
    assert {node.name: lines([node]) for node in functions if lines([node]) > MAX_FUNCTION_LINES} == {}


def lines(nodes: Sequence[ast.stmt]) -> int:
    return (nodes[-1].end_lineno or 0) - nodes[0].lineno + 1 if nodes else 0


def test_migrations_are_numbered_without_gaps() -> None:
    numbers = [int(path.name.partition("_")[0]) for path in sorted((ROOT / "sql").glob("*.sql"))]
    assert numbers == list(range(1, len(numbers) + 1))


def test_version_is_a_release_of_the_changelog() -> None:
    released = re.findall(r"^## \[([0-9.]+)\] - \d{4}-\d{2}-\d{2}$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert released[0] == VERSION


def test_chart_is_drawn_from_the_last_results() -> None:
    """`python -m benchmarks.chart` draws it."""
    assert chart.CHART.read_text() == chart.chart()


DOCUMENTS = sorted(ROOT.glob("*.md")) + sorted(path for path in OUR_FILES if path.suffix == ".md")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_in_documents_lead_somewhere(path: Path) -> None:
    text = path.read_text()
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text) + re.findall(r'src="([^":]+)"', text)
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_pages_that_list_the_settings_are_up_to_date() -> None:
    """`make settings` writes them."""
    present = {name: (ROOT / name).read_text() for name in PAGES}
    assert [name for name, write in PAGES.items() if write(present[name]) != present[name]] == []


def test_env_example_can_be_used_as_it_is() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    shown = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert load(shown) == Config()
    examples = dict(line[1:].split("=", 1) for line in lines if re.match(r"#[A-Z_]+=.", line))
    assert load(examples)
    assert set(shown) | set(examples) == set(about())
