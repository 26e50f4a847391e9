"""How commands are run, printed in a dry run, and how a deployment gives up."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[2]


class Failure(Exception):
    """Ends the deployment; its text is the one line that says why."""


class CommandFailed(Failure):
    """A command that failed has said why itself, on stderr."""

    def __init__(self, words: tuple[str, ...]) -> None:
        super().__init__(f"{shlex.join(words[:4])} … failed")


class Commands:
    """Runs commands, or prints those that would be run."""

    def __init__(self, *, dry_run: bool) -> None:
        self.dry_run = dry_run

    def change(self, *words: str, environ: Mapping[str, str] | None = None) -> None:
        """Runs a command that changes something; what it prints goes to stderr. Raises CommandFailed."""
        if self.dry_run:
            print_command(*words)
        elif self.execute(words, environ).returncode:
            raise CommandFailed(words)

    def ask(self, *words: str, supposed: str = "", environ: Mapping[str, str] | None = None) -> str:
        """What a command that only reads prints; `supposed` in a dry run. Raises CommandFailed."""
        if self.dry_run:
            print_command(*words)
            return supposed
        done = self.execute(words, environ, capture=True)
        if done.returncode:
            raise CommandFailed(words)
        return done.stdout.rstrip("\n")

    def execute(
        self, words: tuple[str, ...], environ: Mapping[str, str] | None, *, capture: bool = False
    ) -> subprocess.CompletedProcess[str]:
        stdout = subprocess.PIPE if capture else sys.stderr
        return subprocess.run(words, stdout=stdout, env=environ, text=True, check=False)


def print_command(*words: str) -> None:
    click.echo(shlex.join(words))


def say(line: str) -> None:
    """Tells whoever watches how it goes; stdout is for results."""
    click.echo(line, err=True)


@contextmanager
def failing_as(line: str) -> Iterator[None]:
    """A command that fails in this block ends the deployment with this line."""
    try:
        yield
    except CommandFailed:
        raise Failure(line) from None


def beside_python(program: str) -> str:
    """The path of a program that is installed with the Python that runs this, as short as it can be said."""
    path = Path(sys.executable).with_name(program)
    return os.path.relpath(path, ROOT) if path.is_relative_to(ROOT) else str(path)


def check_programs(*, dry_run: bool) -> None:
    if not shutil.which(beside_python("popups")):
        raise Failure(f"there is no {beside_python('popups')}; make setup makes it")
    if not dry_run and not shutil.which("gcloud"):
        raise Failure("there is no gcloud; install the Google Cloud CLI")
