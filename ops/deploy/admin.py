"""The job popups-admin: any command of `popups`, run inside, beside a database that this machine cannot reach.

Its image is the `popups` command with sql/. It is deployed anew when that, or its settings, have changed.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import click

from ops.deploy.accounts import ADMIN, address, is_there
from ops.deploy.bundle import copy_files, fingerprint
from ops.deploy.cloud import Cloud
from ops.deploy.commands import ROOT, CommandFailed, Failure, failing_as, say
from ops.deploy.database_environment import job_secrets, job_variables, migration_instances
from ops.deploy.environment import SEPARATOR
from ops.deploy.imports import imported_files
from ops.deploy.service import network_flags, pairs

MAIN = """\
\"\"\"What the job runs: `popups` with the words in its only argument, a list in JSON.\"\"\"

import json
import sys

from cli.main import popups

popups(json.loads(sys.argv[1]))
"""
LOG_TRIES, LOG_PAUSE_SECONDS = 6, 5


def run_inside(cloud: Cloud, *arguments: str) -> None:
    """Run `popups ARGUMENTS` in the job, wait for it, and print what it printed. Raises Failure if it fails."""
    ensure_job(cloud)
    _ensure_secret(cloud, arguments)
    starting = ("run", "jobs", "execute", ADMIN, _args_flag(arguments), "--format=value(metadata.name)")
    with failing_as(f"popups {arguments[0]} could not be started in the job {ADMIN}"):
        execution = cloud.ask(*starting, *cloud.in_region, supposed="EXECUTION")
    succeeded = _await_end(cloud, execution)
    click.echo(_printed(cloud, execution))
    if not succeeded:
        raise Failure(f"popups {arguments[0]} failed in the job {ADMIN}, execution {execution}")


def container_arguments(arguments: Sequence[str]) -> list[str]:
    """Return the arguments of the job's container for `popups ARGUMENTS`.

    The buildpack's launcher puts the installed packages on the path; "--" says that a program of ours follows. The
    words are one argument, because gcloud refuses any that comes twice.
    """
    return ["--", "python", "main.py", json.dumps(arguments).replace(SEPARATOR, f"\\u{ord(SEPARATOR):04x}")]


def _args_flag(arguments: Sequence[str]) -> str:
    return f"--args=^{SEPARATOR}^{SEPARATOR.join(container_arguments(arguments))}"


def ensure_job(cloud: Cloud) -> None:
    """Deploy the job, unless what is deployed is what it would be."""
    if not is_there(cloud, address(cloud.settings, ADMIN)) and not cloud.commands.dry_run:
        raise Failure(f"{address(cloud.settings, ADMIN)} is missing; an administrator makes it: ./deploy.sh prepare")
    folder = cloud.folder / ADMIN
    if folder.exists():
        return  # it has been looked at in this run
    _stage(folder)
    release = fingerprint(folder, _flags(cloud))
    listing = ("run", "jobs", "list", f"--filter=metadata.name={ADMIN}", "--format=value(metadata.labels.release)")
    if cloud.ask(*listing, *cloud.in_region) == release:
        return
    say(f"deploying release {release} of the job {ADMIN}")
    flags = (f"--source={folder}", f"--labels=release={release}", *_flags(cloud))
    with failing_as(f"the job {ADMIN} was not deployed"):
        cloud.change("run", "jobs", "deploy", ADMIN, *flags, *cloud.in_region)


def _stage(folder: Path) -> None:
    copy_files(imported_files(Path("cli/main.py"), ROOT) | {Path("functions.toml")}, folder)
    shutil.copytree(ROOT / "sql", folder / "sql")
    shutil.copyfile(ROOT / "requirements.txt", folder / "requirements.txt")
    (folder / "main.py").write_text(MAIN)
    (folder / "Procfile").write_text("web: python main.py\n")
    (folder / ".python-version").write_text("3.13\n")


def _flags(cloud: Cloud) -> list[str]:
    settings = cloud.settings
    secrets, instances = pairs(job_secrets(settings)), migration_instances(settings)
    return [
        "--command=/cnb/lifecycle/launcher",
        _args_flag(["--help"]),
        f"--service-account={address(settings, ADMIN)}",
        f"--set-env-vars=^{SEPARATOR}^{SEPARATOR.join(pairs(job_variables(settings)))}",
        f"--set-secrets={','.join(secrets)}" if secrets else "--clear-secrets",
        *([f"--set-cloudsql-instances={','.join(instances)}"] if instances else []),
        *network_flags(settings, everything=settings.is_closed),
        "--memory=1Gi",
        "--max-retries=0",
        "--task-timeout=86400s",
    ]


def _ensure_secret(cloud: Cloud, arguments: Sequence[str]) -> None:
    """Make the secret of `--to-secret NAME` if it is missing: the job may add versions to one and no more."""
    name = re.search(r" --to-secret[ =](\S+)", " ".join(("", *arguments)))
    if name and not cloud.ask(
        "secrets", "list", f"--filter=name~/{name[1]}$", "--format=value(name)", *cloud.in_project
    ):
        cloud.change("secrets", "create", name[1], "--replication-policy=automatic", *cloud.in_project)


def _await_end(cloud: Cloud, execution: str) -> bool:
    """Return whether the execution succeeded, once it has ended."""
    describing = ("run", "jobs", "executions", "describe", execution)
    counts = "--format=csv[no-heading](status.succeededCount,status.failedCount,status.cancelledCount)"
    while True:
        done = cloud.ask(*describing, counts, *cloud.in_region, supposed="1,,").split(",")
        if any(count not in ("", "0") for count in done):
            return done[0] not in ("", "0")
        time.sleep(LOG_PAUSE_SECONDS)


def _printed(cloud: Cloud, execution: str) -> str:
    """Return what it printed. A log takes some seconds to come."""
    labels = f'resource.type="cloud_run_job" labels."run.googleapis.com/execution_name"="{execution}" textPayload:*'
    reading = ("logging", "read", labels, "--format=value(textPayload)", "--order=asc", "--freshness=2d")
    for _ in range(LOG_TRIES):
        try:
            if text := cloud.ask(*reading, *cloud.in_project, supposed="(what it printed)"):
                return text
        except CommandFailed:
            break
        time.sleep(LOG_PAUSE_SECONDS)
    return f"(what it printed is in the log: {labels})"
