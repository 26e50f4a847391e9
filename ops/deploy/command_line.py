"""The command line of ./deploy.sh: its commands and options."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import click

from cli.function_table import FUNCTIONS, DeployedFunction
from ops.deploy.accounts import check_accounts
from ops.deploy.admin import run_inside
from ops.deploy.cloud import Cloud
from ops.deploy.commands import Commands, Failure, check_programs, say
from ops.deploy.console import upload_console, upload_console_if_built
from ops.deploy.database import check_connections, migrate, recount
from ops.deploy.environment import check_environment
from ops.deploy.front_door import close_front_door, open_front_door
from ops.deploy.jobs import remove_jobs, schedule_jobs
from ops.deploy.monitoring import apply_monitoring
from ops.deploy.prepare import prepare
from ops.deploy.revision import deploy_function
from ops.deploy.settings import read_settings
from ops.deploy.storefront import upload_storefront
from ops.deploy.traffic import roll_back
from ops.deploy.uptime import apply_uptime_check
from ops.deploy.warm import warm

USAGE = f"""\
Usage: ./deploy.sh [OPTION...] COMMAND

  prepare             once, by an administrator: services, accounts, roles, bucket (docs/day-one.md)
  migrate             bring the database to the schema in sql/
  FUNCTION...         deploy one or several: {" ".join(FUNCTIONS)}
  all                 deploy them all, then the storefront script where BUCKET is set, and the console where DOMAIN is
  storefront          upload the storefront script, under names that tell its content and one that stays
  console             upload the merchant's console, which front-door serves at https://DOMAIN/console/
  front-door          one https address, DOMAIN, for all functions, the script and the console
  front-door remove   remove that address and what belongs to it
  jobs                run `popups retain` (RETAIN_DAYS) and `popups reconcile` (SECRETS_KEY_SECRET) nightly
  jobs remove         stop doing so
  admin WORDS...      run `popups WORDS...` in a job beside the database: admin shop create ..., admin key create ...
  monitoring          create or update log metrics, dashboard, alerts and uptime checks (ops/monitoring/)
  warm                ask for every shop's popups once, which fills the cache
  rollback FUNCTION   give the traffic back to the revision that had it before; once more takes that back

Options, before the command or (but for admin) behind it:

  --dry-run           print every command instead of running it
  --config FILE       read the settings from FILE; deploy.env otherwise (deploy.env.example says what it may hold)

A deployment applies pending migrations first and deploys nothing if one fails. A new revision gets no traffic until
its /_ready answers. What has not changed is not deployed again. What everybody may call gets an uptime check. Where a
function that tallies events was replaced or rolled back, the tallies are counted again in the end."""

INTERRUPTED = 130


class Words(NamedTuple):
    """The parsed command line."""

    command: Sequence[str]
    config: Path
    dry_run: bool


def main(words: Sequence[str], make_commands: Callable[..., Commands] = Commands) -> int:
    """Run the command and return the exit status of ./deploy.sh."""
    if {"-h", "--help"} & set(words):
        click.echo(USAGE)
        return 0
    try:
        asked = _read(words)
        if not asked.command:
            click.echo(USAGE, err=True)
            return 2
        _check(asked.command)
        check_programs(dry_run=asked.dry_run)
        with tempfile.TemporaryDirectory() as folder:
            _run(Cloud(read_settings(asked.config), make_commands(dry_run=asked.dry_run), Path(folder)), *asked.command)
    except Failure as failure:
        say(f"deploy.sh: {failure}")
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _read(words: Sequence[str]) -> Words:
    command, config, dry_run = [], "deploy.env", False
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if word == "--dry-run":
            dry_run = True
        elif word == "--config":
            if not waiting:
                raise Failure("--config needs the name of a file")
            config = waiting.pop(0)
        elif word.startswith("-"):
            raise Failure(f"there is no option {word}; --help lists those there are")
        else:
            command.append(word)
            if command == ["admin"]:  # what follows are the words of `popups`
                command += waiting
                break
    return Words(command, Path(config), dry_run)


def _check(command: Sequence[str]) -> None:
    """Check the command and its arguments before anything is started."""
    first, *others = command
    if first == "admin":
        if not others:
            raise Failure("admin needs the words of a `popups` command, such as: admin shop create acme --name Acme")
    elif first in REMOVABLE and others == ["remove"]:
        return
    elif first in ALONE:
        if others:
            raise Failure(f"{first} stands alone, but {others[0]} follows it")
    elif first == "rollback" and len(others) != 1:
        raise Failure("rollback needs one function")
    else:
        _check_functions(others if first == "rollback" else command)


def _check_functions(words: Sequence[str]) -> None:
    for word in words:
        if word not in FUNCTIONS:
            raise Failure(f"there is no command or function {word}; --help lists those there are")


def _run(cloud: Cloud, first: str, *others: str) -> None:
    if first == "admin":
        run_inside(cloud, *others)
    elif others == ("remove",):
        REMOVABLE[first](cloud)
    elif first in ALONE:
        ALONE[first](cloud)
    elif first == "rollback":
        _roll_back(cloud, FUNCTIONS[others[0]])
    else:
        _deploy(cloud, [FUNCTIONS[name] for name in (first, *others)])


def _deploy(cloud: Cloud, functions: Sequence[DeployedFunction]) -> None:
    """Deploy all given functions, or none if the database is not ready for them."""
    check_environment(cloud.settings, functions)
    check_accounts(cloud, functions)
    check_connections(cloud)
    _migrate(cloud)
    changed = [function for function in functions if deploy_function(cloud, function)]
    for function in functions:
        click.echo(f"{function.name:<18} {cloud.service_url(function)}")
    for function in functions:
        apply_uptime_check(cloud, function)
    _recount_after(cloud, changed)


def _roll_back(cloud: Cloud, function: DeployedFunction) -> None:
    roll_back(cloud, function)
    _recount_after(cloud, [function])


def _recount_after(cloud: Cloud, changed: Sequence[DeployedFunction]) -> None:
    """Recount once a function that tallies events was replaced: beside the other release it may have missed some."""
    if any(function.tallies for function in changed):
        say("recounting what two releases have tallied beside each other")
        recount(cloud)


def _deploy_all(cloud: Cloud) -> None:
    _deploy(cloud, list(FUNCTIONS.values()))
    if cloud.settings["BUCKET"]:
        upload_storefront(cloud)
        if cloud.settings["DOMAIN"]:
            upload_console_if_built(cloud)


def _migrate(cloud: Cloud) -> None:
    say("migrating")
    migrate(cloud)


ALONE: dict[str, Callable[[Cloud], None]] = {
    "prepare": prepare,
    "console": upload_console,
    "front-door": open_front_door,
    "jobs": schedule_jobs,
    "migrate": _migrate,
    "all": _deploy_all,
    "storefront": upload_storefront,
    "monitoring": apply_monitoring,
    "warm": warm,
}

REMOVABLE: dict[str, Callable[[Cloud], None]] = {"front-door": close_front_door, "jobs": remove_jobs}
