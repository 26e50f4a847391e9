"""Run commands, or print them in a dry run; errors that end a deployment."""

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
    """Ends the deployment; the message is one line with the reason."""


class CommandFailed(Failure):
    """A command failed and has written the reason to stderr."""

    def __init__(self, words: tuple[str, ...]) -> None:
        super().__init__(f"{shlex.join(words[:4])} … failed")


class Commands:
    """Runs commands, or in a dry run prints them."""

    def __init__(self, *, dry_run: bool) -> None:
        self.dry_run = dry_run

    def change(self, *words: str, environ: Mapping[str, str] | None = None) -> None:
        """Run a command that changes something; its output goes to stderr. Raises CommandFailed."""
        if self.dry_run:
            print_command(*words)
        elif self.execute(words, environ).returncode:
            raise CommandFailed(words)

    def ask(self, *words: str, supposed: str = "", environ: Mapping[str, str] | None = None) -> str:
        """Return the output of a read-only command; in a dry run `supposed`. Raises CommandFailed."""
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
    """Print progress to stderr; stdout is for results."""
    click.echo(line, err=True)


@contextmanager
def failing_as(line: str) -> Iterator[None]:
    """End the deployment with this message if a command in the block fails."""
    try:
        yield
    except CommandFailed:
        raise Failure(line) from None


def beside_python(program: str) -> str:
    """Return the shortest path of a program that is installed beside the running Python."""
    path = Path(sys.executable).with_name(program)
    return os.path.relpath(path, ROOT) if path.is_relative_to(ROOT) else str(path)


def check_programs(*, dry_run: bool) -> None:
    if not shutil.which(beside_python("popups")):
        raise Failure(f"there is no {beside_python('popups')}; make setup makes it")
    if not dry_run and not shutil.which("gcloud"):
        raise Failure("there is no gcloud; install the Google Cloud CLI")
