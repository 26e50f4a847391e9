"""deploy.sh itself: it finds its Python, says what to do where there is none, and hands on what it was told."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.conftest import Deployer
from tests.deploy.gcloud import GcloudServer, gcloud_server
from tests.support.stack import ROOT


@pytest.fixture(scope="module")
def server() -> Iterator[GcloudServer]:
    with gcloud_server() as running:
        yield running


def run(*words: str | Path, folder: Path = ROOT, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [ROOT / "deploy.sh", *words]
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **environ}, capture_output=True, text=True, timeout=60, check=False
    )


def test_deploy_sh_deploys_with_the_programs_that_an_operator_has(deployer: Deployer, server: GcloudServer) -> None:
    server.gcloud = deployer.gcloud
    config, port = deployer.write_settings(), str(server.server_address[1])
    done = run("--config", config, "stats", PYTHON=sys.executable, STAND_IN=port)
    assert done.returncode == 0, done.stderr
    assert f"stats              {deployer.state['address']}/shop-reports" in done.stdout
    assert deployer.state["services"]["shop-reports"]["public"]
    assert "hunter2" not in done.stdout + done.stderr


def test_it_may_be_started_from_anywhere(tmp_path: Path) -> None:
    assert run("--help", folder=tmp_path, PYTHON=sys.executable, CDPATH="/").stdout.startswith("Usage: ./deploy.sh")


def program(folder: Path, script: str) -> str:
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("", "deploy.sh: there is no {python}; make setup makes it"),
        ("exit 1", "deploy.sh: {python} is older than Python 3.11; name a newer one: make setup PYTHON=python3.13"),
        (f'exec {sys.executable} -S "$@"', "deploy.sh: the package click is missing; make setup installs it"),
    ],
    ids=["no Python", "an old Python", "a Python without our packages"],
)
def test_without_its_python_it_says_in_one_line_what_to_do(tmp_path: Path, script: str, said: str) -> None:
    python = program(tmp_path, script) if script else str(tmp_path / "python")
    done = run("all", PYTHON=python)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"{said.format(python=python)}\n")
