"""What runs inside, in the job popups-admin: commands, migrations, readiness behind a closed address, schedules."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cli.function_table import FUNCTIONS
from ops.deploy.accounts import ADMIN
from ops.deploy.admin import MAIN, _stage, container_arguments
from ops.deploy.imports import imported_files
from tests.deploy.conftest import Deployer, Revisions
from tests.deploy.test_deploy import flags_of, traffic, uptime, variables_of
from tests.support.stack import ROOT, Stack

CLOSED = {"INGRESS": "internal-and-cloud-load-balancing", "DOMAIN": "popups.example.com"}


def inside(deployer: Deployer) -> list[list[str]]:
    """Return the words of each `popups` that ran in the job."""
    return [json.loads(flags_of(call)["args"].split("|")[-1]) for call in deployer.calls("run jobs execute")]


def test_admin_runs_popups_beside_the_database_and_prints_what_it_printed(deployer: Deployer) -> None:
    deployer.wish(inside=lambda words: f"ran {' '.join(words)}")
    done = deployer("admin", "shop", "create", "acme", "--name", "Acme & Sons, Ltd", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "ran shop create acme --name Acme & Sons, Ltd --dry-run\n"
    (job,) = deployer.calls("run jobs deploy")
    flags = flags_of(job)
    assert flags["service-account"] == f"{ADMIN}@acme-shop.iam.gserviceaccount.com"
    assert flags["set-secrets"] == "DATABASE_URL=migrate-url:1,REDIS_URL=redis-url:2"
    assert (flags["network"], flags["vpc-egress"], flags["max-retries"]) == ("default", "private-ranges-only", "0")
    assert variables_of(job) == {"GOOGLE_CLOUD_PROJECT": "acme-shop"}


def test_the_job_is_deployed_when_it_has_changed_and_not_otherwise(deployer: Deployer) -> None:
    for settings, deployed in (({}, 1), ({}, 0), ({"REDIS_URL_SECRET": "redis-url:3"}, 1)):
        deployer.settings |= settings
        assert deployer("admin", "migrate").returncode == 0
        assert len(deployer.calls("run jobs deploy")) == deployed


def test_a_command_that_fails_inside_fails_here_and_says_why(deployer: Deployer) -> None:
    deployer.wish(inside=lambda words: None)
    done = deployer("admin", "shop", "create", "acme")
    assert done.returncode == 1
    assert "as the test wished" in done.stdout
    assert "popups shop failed in the job popups-admin, execution popups-admin-1" in done.stderr


def test_a_secret_for_a_new_key_is_made_before_the_job_adds_to_it(deployer: Deployer) -> None:
    words = ("admin", "key", "create", "acme", "--rights", "write", "--to-secret", "acme-key")
    assert deployer(*words).returncode == 0
    (made,) = deployer.calls("secrets create")
    assert made[2] == "acme-key"


def test_admin_needs_words(deployer: Deployer) -> None:
    assert "admin needs the words of a `popups` command" in deployer("admin").stderr


def test_what_the_job_is_made_of_is_the_whole_command(tmp_path: Path, stack: Stack) -> None:
    _stage(tmp_path / "job")
    assert (tmp_path / "job/main.py").read_text() == MAIN
    assert not (tmp_path / "job/tests").exists()
    environ = {"PATH": "/usr/bin:/bin", "DATABASE_URL": stack.database_url}
    for words in (["migrate", "--status"], ["shop", "create", "from-the-job", "--name", 'A "shop" | from-the-job']):
        done = subprocess.run(
            [sys.executable, *container_arguments(words)[2:]],
            cwd=tmp_path / "job",
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert "created from-the-job" in done.stdout
    assert Path("cli/upkeep/retain.py") in imported_files(Path("cli/main.py"), ROOT)


@pytest.mark.parametrize("words", [["migrate"], ["stats"]], ids=" ".join)
def test_a_database_that_only_its_network_reaches_is_migrated_from_inside(deployer: Deployer, words: list[str]) -> None:
    deployer.programs.clear()
    deployer.settings["MIGRATE_IN"] = "job"
    assert deployer(*words).returncode == 0
    wanted = sum(4 * each.db_pool_max for each in FUNCTIONS.values())
    fitting = [["connections", f"--wanted={wanted}", "--reserve=10"]] if words == ["stats"] else []
    expected = [*fitting, ["migrate"]]
    assert inside(deployer) == expected
    assert len(deployer.calls("run jobs deploy")) == 1
    assert not deployer.calls("secrets versions access")


def test_a_migration_that_fails_inside_deploys_nothing(deployer: Deployer) -> None:
    deployer.settings["MIGRATE_IN"] = "job"
    deployer.wish(inside=lambda words: None if words == ["migrate"] else "done")
    done = deployer("stats")
    assert done.returncode == 1
    assert not deployer.calls("run deploy")


def test_behind_a_closed_address_a_revision_is_asked_from_inside(deployer: Deployer) -> None:
    deployer.settings |= CLOSED
    done = deployer("stats")
    assert done.returncode == 0, done.stderr
    address = deployer.state["address"]
    asked = ["ready", f"{address}/candidate---shop-reports/_ready", f"--audience={address}/shop-reports", "--seconds=1"]
    assert inside(deployer) == [asked]
    assert Revisions.asked == []
    (deployed,) = deployer.calls("run deploy")
    assert flags_of(deployed)["ingress"] == "internal-and-cloud-load-balancing"
    variables = variables_of(deployed)
    assert (variables["TRUSTED_PROXIES"], variables["PUBLIC_URL"]) == ("2", "https://popups.example.com")
    assert variables["CDN"] == "true"
    (job,) = deployer.calls("run jobs deploy")
    assert flags_of(job)["vpc-egress"] == "all-traffic"


def test_a_revision_that_is_not_ready_inside_gets_no_traffic(deployer: Deployer) -> None:
    deployer.settings |= CLOSED
    assert deployer("get_active_popups").returncode == 0
    deployer.settings["LOG_LEVEL"] = "DEBUG"
    deployer.wish(inside=lambda words: None)
    done = deployer("get_active_popups")
    assert done.returncode == 1
    assert "shop-content-00001 goes on" in done.stderr
    assert traffic(deployer)[0] == {"percent": 100, "revision": "shop-content-00001"}


@pytest.mark.parametrize(
    ("settings", "checked"),
    [
        ({}, "shop-reports,/_ready"),
        (CLOSED, "popups.example.com,/stats/_ready"),
        ({"INGRESS": "internal"}, None),
    ],
    ids=["open", "behind the balancer", "of the network only"],
)
def test_an_uptime_check_comes_the_way_that_is_open(
    deployer: Deployer, settings: dict[str, str], checked: str | None
) -> None:
    assert deployer("stats").returncode == 0
    deployer.settings |= settings
    assert deployer("stats").returncode == 0
    assert uptime(deployer).get("popups stats is ready") == checked


def test_warm_fills_the_cache_from_inside_where_nothing_is_reached_from_here(deployer: Deployer) -> None:
    deployer.settings |= CLOSED
    assert deployer("warm").returncode == 0
    assert inside(deployer) == [["warm"]]


def test_jobs_schedules_what_runs_by_itself_and_a_second_run_updates_it(deployer: Deployer) -> None:
    deployer.settings["RETAIN_DAYS"] = "400"
    for verb in ("create", "update"):
        done = deployer("jobs")
        assert done.returncode == 0, done.stderr
        (call,) = deployer.calls(f"scheduler jobs {verb}")
        assert flags_of(call)["schedule"] == "15 3 * * *"
    schedule = deployer.state["schedules"]["popups-retain"]
    assert schedule["uri"].endswith(f"/projects/acme-shop/locations/europe-west1/jobs/{ADMIN}:run")
    (container,) = schedule["content"]["overrides"]["containerOverrides"]
    assert json.loads(container["args"][-1]) == ["retain", "--days=400"]


def test_orders_are_reconciled_each_night_where_order_sources_can_be(deployer: Deployer) -> None:
    deployer.settings |= {"RETAIN_DAYS": "400", "SECRETS_KEY_SECRET": "popups-secrets-key:1"}
    assert deployer("jobs").returncode == 0
    schedule = deployer.state["schedules"]["popups-reconcile"]
    (container,) = schedule["content"]["overrides"]["containerOverrides"]
    assert json.loads(container["args"][-1]) == ["reconcile", "--all"]
    deployer.settings["SECRETS_KEY_SECRET"] = ""
    assert deployer("jobs").returncode == 0
    assert set(deployer.state["schedules"]) == {"popups-retain"}


def test_jobs_are_removed(deployer: Deployer) -> None:
    deployer.settings["RETAIN_DAYS"] = "400"
    deployer("jobs")
    assert deployer("jobs", "remove").returncode == 0
    assert deployer.state["schedules"] == {}
    assert deployer("jobs", "remove").returncode == 0


def test_without_a_number_of_days_nothing_is_deleted_by_itself(deployer: Deployer) -> None:
    done = deployer("jobs")
    assert done.returncode == 1
    assert "RETAIN_DAYS is unset; allowed: a number of days, after which events are deleted" in done.stderr
    assert not deployer.calls()
