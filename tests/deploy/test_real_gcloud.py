"""The real gcloud's own parser, which needs no network, reads every command that deploy.sh and docs/day-one.md call."""

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.conftest import Deployer
from tests.deploy.test_day_one import commands, first_day, page
from tests.support.stack import ROOT

__all__ = ["first_day"]

REAL_GCLOUD = shutil.which("gcloud")

# What needs more than functions: a domain, a job, a database that only its network reaches.
INSIDE_AND_IN_FRONT: tuple[tuple[dict[str, str], list[str]], ...] = (
    (
        {"DOMAIN": "popups.example.com", "NETWORK": "default", "DEPLOYER": "user:ann@example.com"},
        ["get_active_popups", "track_view", "track_conversion", "manage_popups", "receive_orders"],
    ),
    ({"ARMOR_PER_MINUTE": "600"}, ["front-door"]),
    ({"ARMOR_PER_MINUTE": ""}, ["front-door"]),
    ({"RETAIN_DAYS": "400", "MIGRATE_IN": "job", "INGRESS": "internal-and-cloud-load-balancing"}, ["prepare"]),
    ({"REDIS_CA_SECRET": "redis-ca:1", "DATABASE_CA_SECRET": "database-ca:1"}, ["stats"]),
    ({}, ["jobs"]),
    ({}, ["jobs"]),
    ({}, ["admin", "key", "create", "acme", "--rights", "write", "--to-secret", "acme-key"]),
    ({}, ["jobs", "remove"]),
    ({"INGRESS": "all"}, ["front-door", "remove"]),
)


def real_calls(deployer: Deployer) -> list[list[str]]:
    """Return the calls of gcloud by deploy.sh, from nothing to a second release and back, each with its account."""
    calls = []
    deployer.settings["NOTIFICATION_CHANNELS"] = "projects/acme-shop/notificationChannels/1"
    for settings, words in (
        ({}, ["get_active_popups", "stats"]),
        ({"LOG_LEVEL": "DEBUG", "PUBLIC_STATS": "false", "NETWORK": "", "DB_IP_TYPE": "public"}, ["stats"]),
        ({"PUBLIC_STATS": "true"}, ["stats"]),
        ({}, ["rollback", "stats"]),
        ({}, ["monitoring"]),
        ({}, ["monitoring"]),
        *INSIDE_AND_IN_FRONT,
    ):
        deployer.settings |= settings
        done = deployer(*words)
        assert done.returncode == 0, done.stderr
        calls += deployer.calls()
    return calls


def kind_of(command: str) -> tuple[str, ...]:
    """Return the command's words and the names of its flags, without names of resources and values."""
    words = shlex.split(command)
    said = [word for word in words if re.fullmatch("[a-z-]+", word) and not word.startswith(("--", "shop-"))]
    return (*said, *sorted(word.partition("=")[0] for word in words if word.startswith("--")))


def of_a_deployment(deployer: Deployer) -> list[str]:
    called = [shlex.join(["gcloud", *call]) for call in real_calls(deployer)]
    for words in (["prepare"], ["all"], ["storefront"], ["front-door"], ["jobs"], ["admin", "migrate"]):
        called += deployer("--dry-run", *words).stdout.splitlines()
    return called


def of_the_first_day(printed: list[str]) -> list[str]:
    by_hand = [line[line.index("gcloud ") :] for line in commands(page()) if "gcloud " in line and " auth " not in line]
    return [*(part for line in by_hand for part in re.split(r" \| (?=gcloud )", line)), *printed]


def test_it_knows_every_command_and_flag(deployer: Deployer, first_day: list[str], tmp_path: Path) -> None:
    if REAL_GCLOUD is None:
        pytest.skip("NOT CHECKED: there is no gcloud here whose parser could read the commands")
    called = [line for line in (*of_the_first_day(first_day), *of_a_deployment(deployer)) if line.startswith("gcloud ")]
    one_of_each = {kind_of(line): line.replace(str(ROOT), ".") for line in called}
    # An empty value, which takes something away, reaches the parser only in quotes.
    quoted = [re.sub(r"=(?= |$)", "=''", line) for line in one_of_each.values()]
    file = tmp_path / "commands.json"
    file.write_text(json.dumps([{"command_string": line} for line in quoted]))
    # One run for all of them: it takes its time over loading each group of commands.
    linted = subprocess.run(
        [REAL_GCLOUD, "meta", "lint-gcloud-commands", f"--commands-file={file}"],
        env={**os.environ, "CLOUDSDK_CONFIG": str(tmp_path / "gcloud"), "CLOUDSDK_CORE_DISABLE_PROMPTS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    refused = [
        (each["command_string"], each["error_message"]) for each in json.loads(linted.stdout) if not each["success"]
    ]
    assert not refused, json.dumps(refused, indent=1)
