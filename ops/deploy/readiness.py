"""Wait until a revision's /_ready succeeds."""

from __future__ import annotations

import time

from cli.function_table import DeployedFunction
from ops.deploy.access import identity_token, is_public
from ops.deploy.admin import run_inside
from ops.deploy.cloud import Cloud
from ops.deploy.commands import Failure, failing_as, print_command, say

ANSWER_SECONDS = 15


def await_ready(cloud: Cloud, function: DeployedFunction, url: str) -> bool:
    """Return whether it answers 200 within READY_SECONDS."""
    if cloud.settings.is_closed:
        return _is_ready_inside(cloud, function, url)
    deadline = time.monotonic() + int(cloud.settings["READY_SECONDS"])
    headers = {}
    if not is_public(cloud, cloud.service(function)):
        with failing_as("there is no identity token to ask /_ready with"):
            headers["X-Serverless-Authorization"] = f"Bearer {identity_token(cloud, function)}"
    if cloud.commands.dry_run:
        print_command("curl", "--fail", f"{url}/_ready")
        return True
    while not _is_ready(f"{url}/_ready", headers):
        if time.monotonic() >= deadline:
            return False
        time.sleep(1)
    return True


def _is_ready_inside(cloud: Cloud, function: DeployedFunction, url: str) -> bool:
    """Ask from the admin job: the address answers nobody outside the network."""
    audience = f"--audience={cloud.service_url(function)}"
    try:
        run_inside(cloud, "ready", f"{url}/_ready", audience, f"--seconds={cloud.settings['READY_SECONDS']}")
    except Failure as failure:
        say(f"{failure}")
        return False
    return True


def _is_ready(url: str, headers: dict[str, str]) -> bool:
    import requests  # takes a quarter of a second, which commands without requests need not pay

    try:
        return requests.get(url, headers=headers, timeout=ANSWER_SECONDS, allow_redirects=False).status_code == 200
    except requests.RequestException:
        return False
