"""Find the files that a module imports by parsing the source, without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path


def imported_files(start: Path, root: Path) -> set[Path]:
    """Return the file and all files below the root that it imports, directly or indirectly."""
    found: set[Path] = set()
    waiting = {start}
    while waiting:
        file = waiting.pop()
        found.add(file)
        waiting |= _imports(file, root) - found
    return found


@cache
def _imports(file: Path, root: Path) -> set[Path]:
    files: set[Path] = set()
    own_name = ".".join(file.with_suffix("").parts)
    for name in (own_name, *_names(file, ast.parse((root / file).read_text()))):
        parts = name.split(".")
        # Importing a.b.c runs a and a.b, too; the last name of a `from` import may not be a module.
        for length in range(1, len(parts) + 1):
            path = Path(*parts[:length])
            for candidate in (path.with_suffix(".py"), path / "__init__.py"):
                if (root / candidate).is_file():
                    files.add(candidate)
    return files


def _names(file: Path, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = file.parts[: len(file.parts) - node.level] if node.level else ()
            module = ".".join([*package, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)
