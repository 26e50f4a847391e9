"""The rules of CONTRIBUTING.md, read off the source: who imports whom, who reads the environment, what is written."""

import ast
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from benchmarks import chart
from cli.main import popups
from common.config import Config, about, load
from common.version import VERSION
from ops.settings_pages import PAGES
from tests.support.arrows import PAGE, with_pictures
from tests.support.imports import ROOT, all_imports, server_sources, sources

OURS = [folder for folder in ROOT.iterdir() if folder.is_dir() and not folder.name.startswith(".")]

# What is installed where functions run; pyproject.toml says which module may import each.
INSTALLED = {
    "crawleruseragents",
    "cryptography",
    "flask",
    "functions_framework",
    "google",
    "idna",
    "marshmallow",
    "orjson",
    "pg8000",
    "redis",
    "starlette",
    "uvicorn",
    "uvicorn_worker",
}

# More has a second topic. A statement of SQL has one, however long it is.
MAX_LINES, MAX_FUNCTION_LINES = 300, 30


def test_imports_keep_to_the_contracts() -> None:
    """pyproject.toml has them; `lint-imports` says which chain of imports breaks one."""
    linted = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert linted.returncode == 0, linted.stdout


def test_functions_import_only_what_is_installed_where_they_run() -> None:
    ours = {"common", "functions", *INSTALLED, *sys.stdlib_module_names}
    packages = {name: {module.split(".")[0] for module in all_imports(tree)} for name, tree in server_sources().items()}
    assert {name: used - ours for name, used in packages.items() if used - ours} == {}


def test_a_room_is_entered_by_its_face() -> None:
    """An underscored module is its own folder's; the commands and the OpenAPI writer keep to that, too."""
    offenders = {
        name: private
        for name, tree in {**server_sources(), **sources("cli"), **sources("openapi"), **sources("ops")}.items()
        if (private := {module for module in all_imports(tree) if _is_private_elsewhere(module, name)})
    }
    assert offenders == {}


def _is_private_elsewhere(module: str, importer: str) -> bool:
    room, _, rest = module.partition("._")
    if room.partition(".")[0] not in ("common", "functions", "cli", "openapi", "ops"):
        return False
    return bool(rest) and importer != room and not importer.startswith(f"{room}.")


def test_pictures_of_the_arrows_are_up_to_date() -> None:
    """`make arrows` draws them."""
    assert PAGE.read_text() == with_pictures(PAGE.read_text())


def test_every_module_says_what_it_owns() -> None:
    modules = server_sources() | sources("cli") | sources("ops") | sources("tests") | sources("benchmarks")
    assert [name for name, tree in modules.items() if tree.body and not ast.get_docstring(tree)] == []


def test_no_file_is_a_drawer_for_everything() -> None:
    drawers = {"util", "utils", "helper", "helpers", "misc"}
    assert [
        path for folder in OURS for path in folder.rglob("*.*") if path.stem.lower() in drawers and is_ours(path)
    ] == []


def test_what_is_longer_than_a_page_or_two_is_sql() -> None:
    """A long module is a smell and told as a warning; a long function is an error."""
    modules = server_sources() | sources("cli") | sources("openapi") | sources("ops")
    long_modules = {name: length for name, tree in modules.items() if (length := code_lines(tree)) > MAX_LINES}
    long_functions = {
        f"{name}.{node.name}": lines([node])
        for name, tree in modules.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and lines([node]) > MAX_FUNCTION_LINES
    }
    if long_modules:
        warnings.warn(f"longer than {MAX_LINES} lines: {long_modules}", stacklevel=1)
    assert long_functions == {}


def code_lines(tree: ast.Module) -> int:
    """How many lines a module has, statements of SQL and other constants aside."""
    constants = [node for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)]
    return lines(tree.body) - sum(lines([constant]) for constant in constants)


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


def is_ours(path: Path) -> bool:
    """Return whether we wrote it, and npm did not install it."""
    return "node_modules" not in path.parts


DOCUMENTS = sorted(ROOT.glob("*.md")) + sorted(
    path for folder in OURS for path in folder.rglob("*.md") if is_ours(path)
)


def test_links_in_documents_lead_somewhere() -> None:
    assert [
        f"{path}: {link}" for path in DOCUMENTS for link in links_in(path) if not (path.parent / link).exists()
    ] == []


NAMED_FILE = re.compile(r"(?<![\w/.:{-])((?:[\w-]+/)+[\w-]+\.(?:py|sql|lua|js|ts|tsx|toml|txt|json|md))\b")


def test_files_that_documents_name_exist() -> None:
    """By the end of the path, so that a page about one folder need not repeat where it is."""
    paths = [*ROOT.glob("*.*"), *(path for folder in OURS for path in folder.rglob("*.*") if is_ours(path))]
    files = [f"/{path.relative_to(ROOT)}" for path in paths]
    named = {(path.name, name) for path in DOCUMENTS for name in NAMED_FILE.findall(path.read_text())}
    assert len(named) > 50
    assert sorted(pair for pair in named if not any(file.endswith(f"/{pair[1]}") for file in files)) == []


def test_the_list_of_documents_has_every_page() -> None:
    listed = links_in(ROOT / "docs" / "README.md")
    assert [page.name for page in (ROOT / "docs").glob("*.md") if page.name not in (*listed, "README.md")] == []


def test_the_readme_has_every_command() -> None:
    text = (ROOT / "README.md").read_text()
    assert [name for name in commands_of(popups, "popups") if f"| `{name}" not in text] == []


def commands_of(group: click.Group, name: str) -> Iterator[str]:
    """Yield the names of the group's commands, those of its groups included."""
    for each, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands_of(command, f"{name} {each}")
        else:
            yield f"{name} {each}"


def links_in(path: Path) -> list[str]:
    text = path.read_text()
    return re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text) + re.findall(r'src="([^":]+)"', text)


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
