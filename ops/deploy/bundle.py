"""The bundle: the part of this repository that one function needs, in a folder."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path

from cli.function_table import DeployedFunction
from ops.deploy.commands import ROOT
from ops.deploy.imports import imported_files

# The buildpack compiles the bundle, by default to .pyc files that hold their source's time; the image then sets all
# times to 1980, so that every cold start would compile again. With this variable they hold their source's hash.
BUILD_ENVIRONMENT = "SOURCE_DATE_EPOCH=315532801"

DATA = (".json", ".lua", ".sql")
"""What modules read from beside themselves."""


def stage(function: DeployedFunction, folder: Path) -> None:
    """Copy the function's files to the folder, which must not exist yet."""
    copy_files(imported_files(Path(function.source), ROOT), folder)
    (folder / "functions/__init__.py").write_text('"""The functions; here is one of them."""\n')
    shutil.copyfile(ROOT / "requirements.txt", folder / "requirements.txt")
    name = function.name
    (folder / "main.py").write_text(
        f'"""Where the platform looks for the function."""\n\nfrom functions.{name}.main import {name} as {name}\n'
    )


def copy_files(modules: set[Path], folder: Path) -> None:
    """Copy modules, by their paths below the root, and the data files beside them."""
    for file in modules | _data_beside(modules):
        copy = folder / file
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / file, copy)


def _data_beside(modules: set[Path]) -> set[Path]:
    folders = {module.parent for module in modules} - {Path(), Path("functions")}
    return {path.relative_to(ROOT) for folder in folders for path in (ROOT / folder).iterdir() if path.suffix in DATA}


def fingerprint(folder: Path, words: Iterable[str]) -> str:
    """Return 16 hex digits that identify a bundle and its deployment flags."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{hashlib.sha256(path.read_bytes()).hexdigest()} {path.relative_to(folder)}\n".encode())
    digest.update("\n".join(words).encode())
    return digest.hexdigest()[:16]
