"""What the platform does to a bundle: the buildpack's install and compile, the image's times, and the start."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from cli.dev.child import Child, free_port
from tests.support.stack import ROOT, FunctionProcess

VENVS = ROOT / ".pytest_cache" / "platform"
"""Kept between runs; one serves all bundles, since all have the same requirements."""

IMAGE_TIME = 315532801
"""1 January 1980 and a second: the time of every file in an image made by a buildpack."""


def find_python(version: str) -> str | None:
    """Return a Python of that version on PATH or under pyenv, or None; a shim on PATH may start none at all."""
    managed = sorted((Path.home() / ".pyenv/versions").glob(f"{version}.*/bin/python{version}"))
    for candidate in [shutil.which(f"python{version}"), *map(str, managed)]:
        if candidate and subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode == 0:
            return candidate
    return None


def install(python: str, requirements: Path) -> Path:
    """Install the requirements, each checked by its hash, into a new virtual environment; return its bin.

    Its processes compile what they import, once; compiling all of it as the buildpack does would take longer.
    """
    key = hashlib.sha256(python.encode() + requirements.read_bytes()).hexdigest()[:16]
    venv = VENVS / key
    if not venv.exists():
        VENVS.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=VENVS))
        run([python, "-m", "venv", "--without-pip", draft])
        run([*pip_of(draft / "bin"), "install", "--quiet", "--no-compile", "--require-hashes", "-r", requirements])
        try:
            draft.rename(venv)
        except OSError:  # another test process was faster; its environment is the same
            shutil.rmtree(draft)
    return venv / "bin"


def pip_of(programs: Path) -> list[str | Path]:
    """Our pip, at work on another environment, which has none of its own."""
    return [sys.executable, "-m", "pip", "--python", programs / "python", "--disable-pip-version-check"]


def build(programs: Path, bundle: Path, build_environment: str) -> None:
    """Compiles the bundle as the buildpack does, and gives all files the image's time."""
    name, _, value = build_environment.partition("=")
    run([programs / "python", "-m", "compileall", "-f", "-q", "."], cwd=bundle, env={**os.environ, name: value})
    for file in bundle.rglob("*"):
        os.utime(file, (IMAGE_TIME, IMAGE_TIME))


def start(programs: Path, bundle: Path, name: str, environ: dict[str, str]) -> FunctionProcess:
    """Start the bundle as a revision does: with no variables but the platform's and ours."""
    port = free_port()
    platform = {"FUNCTION_TARGET": name, "K_SERVICE": name, "PORT": str(port), "HOST": "127.0.0.1", "HOME": str(bundle)}
    command = [programs / "python", programs / "functions-framework"]
    log = bundle.with_suffix(".log")
    child = Child(name, command, log, environ={"PATH": str(programs), **platform, **environ}, folder=bundle)
    function = FunctionProcess(name, port, child)
    child.start(function.healthy)
    return function


def run(command: list[str | Path], **options: object) -> None:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
