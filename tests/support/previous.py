"""The previous release: its code from the git history, its functions, and every call that it documents.

tests/previous_release.txt has its commit.
"""

import ast
import contextlib
import json
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.client import Client
from tests.support.factories import uuid7
from tests.support.stack import ROOT, FunctionProcess, Stack, temporary_folder

COMMIT = (ROOT / "tests" / "previous_release.txt").read_text().strip()
SKIPPED = f"TESTS OF THE PREVIOUS RELEASE SKIPPED ({COMMIT[:7]})"
GIT = ("git", "-C", str(ROOT))
PROBES = ("/_health", "/_ready")
# In this order, so that nothing is used after it was deleted.
METHODS = ("get", "post", "patch", "delete")


@dataclass(frozen=True)
class Release:
    """The source tree of a release."""

    folder: Path

    @property
    def document(self) -> dict[str, Any]:
        """Its OpenAPI document."""
        described: dict[str, Any] = json.loads((self.folder / "docs" / "openapi.json").read_text())
        return described

    @property
    def functions(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(path.split("/")[1] for path in self.document["paths"]))

    def statements(self) -> Iterator[tuple[str, str]]:
        """Yield the name and text of every SQL statement in the release's functions."""
        for path in sorted([*self.folder.glob("common/**/*.py"), *self.folder.glob("functions/**/*.py")]):
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.Assign) and (sql := _statement(node.value)):
                    yield f"{path.relative_to(self.folder)} {ast.unparse(node.targets[0])}", sql
        for path in sorted(self.folder.glob("functions/**/*.sql")):
            yield str(path.relative_to(self.folder)), path.read_text()

    def start(self, stack: Stack, **env: str) -> dict[str, FunctionProcess]:
        folder = self.folder
        return {name: stack.start_function(name, folder, PYTHONPATH=str(folder), **env) for name in self.functions}

    def check_that_it_runs(self) -> None:
        """Skip the test if this environment lacks one of its dependencies; fail if it imports modules of this tree."""
        modules = [f"functions.{name}.main" for name in self.functions]
        code = "import importlib, sys; print(*{importlib.import_module(name).__file__ for name in sys.argv[1:]})"
        environ = {"PYTHONPATH": str(self.folder), "PATH": "/usr/bin:/bin"}
        done = subprocess.run(
            [sys.executable, "-c", code, *modules], cwd=self.folder, env=environ, capture_output=True, text=True
        )
        if "ModuleNotFoundError" in done.stderr:
            pytest.skip(f"{SKIPPED}: this environment lacks a dependency ({done.stderr.strip().splitlines()[-1]})")
        assert done.returncode == 0, done.stderr
        assert all(path.startswith(str(self.folder)) for path in done.stdout.split()), done.stdout


def is_known_to_git() -> bool:
    """Whether the commit can be read here: not in a shallow clone, nor without git."""
    try:
        return subprocess.run([*GIT, "cat-file", "-e", f"{COMMIT}^{{commit}}"], capture_output=True).returncode == 0
    except OSError:
        return False


@contextlib.contextmanager
def previous_release() -> Iterator[Release]:
    """Extract it from the git history."""
    with temporary_folder() as folder:
        archive = folder / "archive.tar"
        subprocess.run([*GIT, "archive", f"--output={archive}", COMMIT], check=True)
        subprocess.run(["tar", "-xf", str(archive), "-C", str(folder)], check=True)
        release = Release(folder)
        release.check_that_it_runs()
        yield release


# Values of parameters that calls cannot do without.
QUERY = {"rate": "0.03", "viewers_per_day": "1000"}


@dataclass(frozen=True)
class Operation:
    """A documented call, whose body is the document's example."""

    function: str
    method: str
    path: str
    described: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.function}{self.path}"

    @property
    def statuses(self) -> set[int]:
        """The documented statuses of success."""
        return {int(status) for status in self.described["responses"] if status.startswith("2")}

    @property
    def required(self) -> list[str]:
        """The parameters of the query that it cannot do without."""
        parameters = self.described.get("parameters", [])
        return [each["name"] for each in parameters if each["in"] == "query" and each.get("required")]

    def body(self, ids: dict[str, str]) -> Any:
        if "requestBody" not in self.described:
            return None
        (content,) = self.described["requestBody"]["content"].values()
        return _about(content["example"], ids)


def operations(release: Release) -> list[Operation]:
    """Every documented call except probes, in an order in which all can succeed."""
    found = [
        Operation(path.split("/")[1], method, "/" + "".join(path.split("/", 2)[2:]), described)
        for path, methods in release.document["paths"].items()
        for method, described in methods.items()
        if not path.endswith(PROBES)
    ]
    return sorted(
        found, key=lambda each: (each.path.endswith("/restore"), METHODS.index(each.method), -len(each.path), each.path)
    )


def failures(
    release: Release, functions: dict[str, FunctionProcess], key: str, ids: dict[str, str], *, allowed: str = ""
) -> dict[str, str]:
    """Send every documented call. Returns the answers that are neither a success nor the problem of code `allowed`.

    What is about a thing that has no id here, such as a webhook of an order source, is not sent.
    """
    failed = {}
    for operation in operations(release):
        if not set(re.findall(r"{(\w+)}", operation.path)) <= ids.keys():
            continue
        path = operation.path.format(**ids)
        query = {name: (QUERY | ids)[name] for name in operation.required}
        answer = Client(functions[operation.function], key)(
            operation.method.upper(), path, params=query, json=operation.body(ids)
        )
        if answer.status_code not in operation.statuses and f'"code":"{allowed}"' not in answer.text:
            failed[str(operation)] = f"{answer.status_code} {answer.text[:500]}"
    return failed


def _statement(node: ast.expr) -> str | None:
    """Return the constant's text if it is SQL."""
    value = node.value if isinstance(node, ast.Constant) else None
    is_sql = isinstance(value, str) and re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b", value)
    return str(value) if is_sql else None


def _about(example: Any, ids: dict[str, str]) -> Any:
    """Return the example with ids of existing things, and new values where they must be unique."""
    if isinstance(example, list):
        return [_about(item, ids) for item in example]
    if not isinstance(example, dict):
        return example
    new = {"event_id": uuid7(), "email": f"{uuid.uuid4().hex}@example.com"}
    return {name: {**ids, **new}.get(name, _about(value, ids)) for name, value in example.items()}
