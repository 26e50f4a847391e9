"""The schedules: which commands of `popups` run by themselves, and when. Each runs in the job popups-admin.

Cloud Scheduler starts a job at least once, so each command must be safe to repeat and to run twice at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import NamedTuple

from ops.deploy.accounts import ADMIN, address
from ops.deploy.admin import container_arguments, ensure_job
from ops.deploy.cloud import Cloud
from ops.deploy.commands import Failure, failing_as, say
from ops.deploy.settings import Settings
from ops.deploy.settings_table import SETTINGS

STARTER = "roles/run.jobsExecutorWithOverrides"


class Schedule(NamedTuple):
    """Its name, when it runs (cron, UTC), and the words of `popups` that it runs: none where it is not wanted."""

    name: str
    when: str
    arguments: Callable[[Settings], tuple[str, ...]]


def _retain(settings: Settings) -> tuple[str, ...]:
    return ("retain", f"--days={settings['RETAIN_DAYS']}") if settings["RETAIN_DAYS"] else ()


def _reconcile(settings: Settings) -> tuple[str, ...]:
    """Return the command where order sources can be: their APIs' tokens are encrypted with SECRETS_KEY."""
    return ("reconcile", "--all") if settings["SECRETS_KEY_SECRET"] else ()


SCHEDULES = (
    Schedule("popups-retain", "15 3 * * *", _retain),
    Schedule("popups-reconcile", "45 3 * * *", _reconcile),
)


def schedule_jobs(cloud: Cloud) -> None:
    if not _retain(cloud.settings):
        raise Failure(
            f"RETAIN_DAYS is unset; allowed: {SETTINGS['RETAIN_DAYS'].allowed}, after which events are deleted"
        )
    ensure_job(cloud)
    member = f"--member=serviceAccount:{address(cloud.settings, ADMIN)}"
    _let_start(cloud, member)
    for schedule in SCHEDULES:
        if arguments := schedule.arguments(cloud.settings):
            _apply(cloud, schedule, arguments)
        else:
            _remove(cloud, schedule.name)


def remove_jobs(cloud: Cloud) -> None:
    for schedule in SCHEDULES:
        _remove(cloud, schedule.name)


def _let_start(cloud: Cloud, member: str) -> None:
    """Let the job's account start it, which only the first run has to change."""
    reading = (
        "run",
        "jobs",
        "get-iam-policy",
        ADMIN,
        "--flatten=bindings[].members",
        f"--filter=bindings.role={STARTER}",
    )
    if not cloud.ask(*reading, "--format=value(bindings.members)", *cloud.in_region):
        with failing_as(
            f"the job {ADMIN} may not be started by its account; an administrator runs ./deploy.sh jobs once"
        ):
            cloud.bind("run", "jobs", "add-iam-policy-binding", ADMIN, member, f"--role={STARTER}", *cloud.in_region)


def _apply(cloud: Cloud, schedule: Schedule, arguments: tuple[str, ...]) -> None:
    settings = cloud.settings
    project, region = settings["PROJECT"], settings["REGION"]
    body = cloud.folder / f"{schedule.name}.json"
    overrides = {"containerOverrides": [{"args": container_arguments(arguments)}]}
    body.write_text(json.dumps({"overrides": overrides}))
    exists = _exists(cloud, schedule.name)
    cloud.change(
        *("scheduler", "jobs", "update" if exists else "create", "http", schedule.name),
        f"--schedule={schedule.when}",
        "--time-zone=Etc/UTC",
        "--http-method=POST",
        f"--uri=https://run.googleapis.com/v2/projects/{project}/locations/{region}/jobs/{ADMIN}:run",
        f"--oauth-service-account-email={address(settings, ADMIN)}",
        f"--message-body-from-file={body}",
        f"--{'update-' if exists else ''}headers=Content-Type=application/json",
        *_located(cloud),
    )
    say(f"{schedule.name}: popups {' '.join(arguments)} at {schedule.when} (UTC)")


def _remove(cloud: Cloud, name: str) -> None:
    if _exists(cloud, name):
        cloud.change("scheduler", "jobs", "delete", name, *_located(cloud))


def _exists(cloud: Cloud, name: str) -> bool:
    listing = ("scheduler", "jobs", "list", f"--filter=name~/{name}$", "--format=value(name)")
    return bool(cloud.ask(*listing, *_located(cloud)))


def _located(cloud: Cloud) -> tuple[str, ...]:
    return (f"--location={cloud.settings['REGION']}", *cloud.in_project)
