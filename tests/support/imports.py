"""Who imports whom, read off the source without running it."""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def sources(folder: str) -> dict[str, ast.Module]:
    """Return the parsed modules of a folder by dotted name."""
    paths = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in (ROOT / folder).rglob("*.py")}
    return {name.removesuffix(".__init__"): ast.parse(path.read_text()) for name, path in sorted(paths.items())}


def server_sources() -> dict[str, ast.Module]:
    """Return the parsed modules that are deployed, by dotted name."""
    return sources("common") | sources("functions")


def all_imports(tree: ast.Module) -> set[str]:
    """Dotted names of imported modules, wherever the import stands: `from common import cache` is common.cache."""
    return _imported(ast.walk(tree))


def imports_with_module(tree: ast.Module) -> set[str]:
    """Return what is imported with the module: neither inside functions nor for type checkers only."""
    return _imported(tree.body)


def imports_when_running(tree: ast.Module) -> set[str]:
    """Return what is imported with the module or by a function later, but not for type checkers only."""
    return _imported(_nodes_that_run(tree))


def _imported(nodes: Iterable[ast.AST]) -> set[str]:
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (inner & _ours()) or {node.module}
    return found


def _nodes_that_run(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING"):
            yield from _nodes_that_run(child)


@cache
def _ours() -> set[str]:
    return (
        set(sources("common"))
        | set(sources("functions"))
        | set(sources("cli"))
        | set(sources("openapi"))
        | set(sources("ops"))
    )
