"""deploy.sh: what it asks of gcloud and in which order, what it refuses, and what it leaves alone when a step fails."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from cli.function_table import FUNCTIONS
from ops.deploy.settings_table import PER_FUNCTION, SETTINGS, own_name
from tests.deploy.conftest import Deployer, Revisions
from tests.deploy.gcloud import Refusal
from tests.support.stack import ROOT

CONTENT = "shop-content"
"""Asked for before a test puts its stand-in on the PATH."""


def flags_of(call: list[str]) -> dict[str, str]:
    return dict(word[2:].partition("=")[::2] for word in call if word.startswith("--"))


def variables_of(call: list[str]) -> dict[str, str]:
    text = flags_of(call)["set-env-vars"]
    assert text.startswith("^|^")
    return dict(pair.split("=", 1) for pair in text[3:].split("|"))


def traffic(deployer: Deployer, service: str = CONTENT) -> list[dict[str, object]]:
    targets: list[dict[str, object]] = deployer.state["services"][service]["traffic"]
    return targets


def test_a_function_is_deployed_as_the_contract_says(deployer: Deployer) -> None:
    done = deployer("track_view")
    assert done.returncode == 0, done.stderr
    (call,) = deployer.calls("run deploy")
    assert call[2] == "shop-notes"
    flags = flags_of(call)
    expected = {
        "function": "track_view",
        "base-image": "python313",
        "memory": "512Mi",
        "cpu": "1",
        "cpu-boost": "",
        "timeout": "300s",
        "min": "0",
        "max-instances": "4",
        "concurrency": "250",
        "service-account": "shop-notes@acme-shop.iam.gserviceaccount.com",
        "set-secrets": "DB_PASSWORD=db-password:3,REDIS_URL=redis-url:2",
        "set-cloudsql-instances": "acme-shop:europe-west1:popups",
        "network": "default",
        "subnet": "default",
        "vpc-egress": "private-ranges-only",
        "region": "europe-west1",
        "project": "acme-shop",
    }
    assert {name: flags.get(name) for name in expected} == expected
    assert flags["startup-probe"].startswith("httpGet.path=/_health,")
    assert flags["liveness-probe"].startswith("httpGet.path=/_health,")
    variables = variables_of(call)
    assert variables["THREADS"] == flags["concurrency"]
    assert variables["TRUSTED_PROXIES"] == "1"
    assert variables["GOOGLE_CLOUD_PROJECT"] == "acme-shop"
    assert variables["INSTANCE_CONNECTION_NAME"] == "acme-shop:europe-west1:popups"
    assert not {"DATABASE_URL", "DB_PASSWORD", "REDIS_URL"} & set(variables)
    assert f"track_view         {deployer.state['address']}/shop-notes" in done.stdout


def test_a_new_service_stays_closed_until_it_is_ready(deployer: Deployer) -> None:
    Revisions.unready.add(CONTENT)
    done = deployer("get_active_popups")
    assert done.returncode == 1
    assert "its service shop-content stays closed" in done.stderr
    assert not deployer.state["services"][CONTENT]["public"]
    assert Revisions.asked[0] == (f"/candidate---{CONTENT}/_ready", "Bearer a-token")

    Revisions.unready.clear()
    assert deployer("stats").returncode == 0
    assert deployer.state["services"]["shop-reports"]["public"]


def unready(deployer: Deployer) -> None:
    Revisions.unready.add(CONTENT)


def not_opened(deployer: Deployer) -> None:
    deployer.failing("run services add-iam-policy-binding")


def not_acknowledged(deployer: Deployer) -> None:
    deployer.failing("run services update-traffic")


@pytest.mark.parametrize("trouble", [unready, not_opened, not_acknowledged], ids=lambda trouble: trouble.__name__)
def test_a_first_deployment_that_ended_halfway_is_finished_by_the_next_run(
    deployer: Deployer, trouble: Callable[[Deployer], None]
) -> None:
    trouble(deployer)
    assert deployer("get_active_popups").returncode == 1
    assert deployer("get_active_popups").returncode == 1

    Revisions.unready.clear()
    deployer.failing()
    done = deployer("get_active_popups")
    assert done.returncode == 0, done.stderr
    assert not deployer.calls("run deploy")
    assert Revisions.asked[-1][0] == f"/candidate---{CONTENT}/_ready"
    assert deployer.state["services"][CONTENT]["public"]
    assert traffic(deployer) == [{"percent": 100, "revision": f"{CONTENT}-00001"}]


def test_a_private_service_that_was_never_ready_is_asked_again_by_every_run(deployer: Deployer) -> None:
    deployer.settings["PUBLIC"] = "false"
    Revisions.unready.add(CONTENT)
    assert deployer("get_active_popups").returncode == 1
    assert deployer("get_active_popups").returncode == 1


@pytest.mark.parametrize("wish", [{"crashing": [CONTENT]}, {}], ids=["never started", "never ready"])
def test_a_service_that_was_never_ready_stays_closed_while_other_settings_are_tried(
    deployer: Deployer, wish: dict[str, list[str]]
) -> None:
    Revisions.unready.add(CONTENT)
    deployer.wish(**wish)
    assert deployer("get_active_popups").returncode == 1
    deployer.settings["LOG_LEVEL"] = "DEBUG"
    deployer.wish(crashing=[])
    assert "stays closed" in deployer("get_active_popups").stderr
    assert not deployer.state["services"][CONTENT]["public"]

    Revisions.unready.clear()
    assert deployer("get_active_popups").returncode == 0
    assert deployer.state["services"][CONTENT]["public"]
    assert traffic(deployer) == [{"percent": 100, "revision": f"{CONTENT}-00002"}]


def test_a_new_revision_gets_the_traffic_once_it_is_ready(deployer: Deployer) -> None:
    deployer("get_active_popups")
    deployer.settings["LOG_LEVEL"] = "DEBUG"
    assert deployer("get_active_popups").returncode == 0
    assert {"no-traffic", "tag"} <= set(flags_of(deployer.calls("run deploy")[0]))
    assert Revisions.asked[-1] == (f"/candidate---{CONTENT}/_ready", None)
    assert traffic(deployer) == [
        {"percent": 100, "revision": f"{CONTENT}-00002"},
        {"tag": "previous", "revision": f"{CONTENT}-00001"},
    ]


def test_a_revision_that_is_not_ready_gets_no_traffic(deployer: Deployer) -> None:
    deployer("get_active_popups")
    deployer.settings["LOG_LEVEL"] = "DEBUG"
    Revisions.unready.add("candidate")
    done = deployer("get_active_popups")
    assert done.returncode == 1
    assert f"{CONTENT}-00001 goes on" in done.stderr
    assert traffic(deployer)[0] == {"percent": 100, "revision": f"{CONTENT}-00001"}
    assert not deployer.calls("run services update-traffic")


def test_the_second_of_two_equal_runs_changes_nothing(deployer: Deployer) -> None:
    assert deployer("all").returncode == 0
    before = deployer.state
    done = deployer("all")
    assert done.returncode == 0
    assert done.stderr.count("nothing has changed") == len(FUNCTIONS)
    assert deployer.state == before
    # A copy with --no-clobber and the same CORS again change nothing either.
    reading = {"list", "list-configs", "describe", "access", "get-iam-policy", "cp", "buckets"}
    assert all(reading & set(call) for call in deployer.calls())


def test_rollback_gives_the_traffic_back_and_once_more_takes_that_back(deployer: Deployer) -> None:
    assert "no revision that had the traffic before" in deployer("rollback", "get_active_popups").stderr
    deployer("get_active_popups")
    deployer.settings["LOG_LEVEL"] = "DEBUG"
    deployer("get_active_popups")
    assert deployer("rollback", "get_active_popups").returncode == 0
    assert traffic(deployer)[0] == {"percent": 100, "revision": f"{CONTENT}-00001"}
    assert deployer("rollback", "get_active_popups").returncode == 0
    assert traffic(deployer)[0] == {"percent": 100, "revision": f"{CONTENT}-00002"}


def test_tallies_are_recounted_after_the_last_function_that_changes_them_and_after_its_rollback(
    deployer: Deployer,
) -> None:
    recounted: list[int] = []

    def recount(environ: Mapping[str, str]) -> str:
        recounted.append(len(deployer.calls("run deploy")))
        return "changed 3 tallies\n"

    deployer.programs["recount"] = recount
    deployer("get_active_popups", "stats")
    assert recounted == []
    deployer("track_view", "track_conversion", "stats")
    assert recounted == [2]
    deployer("track_view", "track_conversion", "stats")  # nothing has changed
    assert recounted == [2]
    deployer.settings["LOG_LEVEL"] = "DEBUG"
    deployer("track_view")
    assert recounted == [2, 1]
    assert deployer("rollback", "track_view").returncode == 0
    assert recounted == [2, 1, 0]


def test_what_was_deployed_stays_when_the_recount_fails(deployer: Deployer) -> None:
    deployer.programs["recount"] = fail
    done = deployer("track_view")
    assert done.returncode == 1
    assert "the tallies were not recounted; what was deployed stays. Run it again: popups recount" in done.stderr
    assert deployer.calls("run services update-traffic")


def fail(environ: Mapping[str, str]) -> str:
    raise Refusal("0005_x.sql failed: as the test wished")


def test_migrations_come_first_and_nothing_is_deployed_when_one_fails(deployer: Deployer) -> None:
    deployer.programs["migrate"] = fail
    done = deployer("all")
    assert done.returncode == 1
    assert "as the test wished" in done.stderr
    assert not deployer.calls("run")


def test_migrate_runs_against_the_database_of_the_settings(deployer: Deployer) -> None:
    deployer.with_database()
    done = deployer("migrate")
    assert done.returncode == 0, done.stderr
    assert "nothing to apply" in done.stdout + done.stderr
    assert [call[:3] for call in deployer.calls()] == [["secrets", "versions", "access"]]


def test_a_failed_deployment_ends_the_run_and_says_what_serves_on(deployer: Deployer) -> None:
    deployer("all")
    deployer.settings["LOG_LEVEL"] = "DEBUG"
    deployer.failing("run deploy shop-notes")
    done = deployer("get_active_popups", "track_view", "stats")
    assert done.returncode == 1
    assert "track_view was not deployed; shop-notes-00001 goes on" in done.stderr
    assert not any("shop-reports" in call for call in deployer.calls("run"))


@pytest.mark.parametrize(
    "call",
    [
        "secrets versions access",
        "run services list",
        "run services describe",
        "run revisions describe",
        "iam service-accounts list",
        "run deploy",
        "run services get-iam-policy",
        "run services update-traffic",
        "auth list",
        "auth print-identity-token",
    ],
)
def test_whatever_call_fails_the_traffic_stays_where_it_is(deployer: Deployer, call: str) -> None:
    new_service = "create" in call or "auth" in call
    if not new_service:
        deployer("get_active_popups")
    before = deployer.state["services"].get(CONTENT, {}).get("traffic")
    deployer.settings["LOG_LEVEL"] = "DEBUG"
    deployer.failing(call)
    done = deployer("get_active_popups")
    assert done.returncode != 0
    service = deployer.state["services"].get(CONTENT)
    if new_service:
        assert not service or not service["public"]
    else:
        assert [target for target in service["traffic"] if "percent" in target] == before


def test_too_many_connections_are_refused_before_anything_is_done(deployer: Deployer) -> None:
    """The embedded database has 200, of which 3 are its superuser's, and DB_RESERVE is 10."""
    deployer.with_database()
    deployer.settings |= {"MAX_INSTANCES": "10", "DB_POOL_MAX": "5"}
    done = deployer("stats")
    assert done.returncode == 1
    assert f"comes to {10 * 5 * len(FUNCTIONS)} connections" in done.stderr
    assert "nothing was deployed" in done.stderr
    assert not deployer.calls("run")
    others = 4 * (len(FUNCTIONS) - 1)
    deployer.settings |= {"MAX_INSTANCES": "4", "DB_POOL_MAX": "1", "DB_POOL_MAX_STATS": str((188 - others) // 4)}
    assert "comes to 188 connections" in deployer("stats").stderr


BAD_SETTINGS = {
    "unknown": ({"MAX_INSTANCE": "3"}, "there is no setting MAX_INSTANCE;"),
    "missing": ({"PROJECT": ""}, "PROJECT is unset; allowed: the id of a Google Cloud project"),
    "not a number": ({"MAX_INSTANCES": "many"}, "MAX_INSTANCES is 'many'; allowed: a number of instances"),
    "floating secret": (
        {"REDIS_URL_SECRET": "redis-url:latest"},
        "REDIS_URL_SECRET is not shown; allowed: NAME:VERSION",
    ),
    "password as secret": ({"DB_PASSWORD_SECRET": "hunter2"}, "DB_PASSWORD_SECRET is not shown;"),
    "shell": ({"DB_NAME": "$(reboot)"}, "DB_NAME is '$(reboot)'; allowed: the name of a database"),
    "no network": ({"NETWORK": ""}, "NETWORK is unset; allowed: the name of a VPC network, with DB_IP_TYPE=private"),
    "no Redis": ({"REDIS_URL_SECRET": ""}, "REDIS_URL_SECRET is unset, which allows MAX_INSTANCES=1 only"),
    "no database": ({"INSTANCE_CONNECTION_NAME": ""}, "INSTANCE_CONNECTION_NAME is unset;"),
    "no user": ({"DB_USER": ""}, "DB_USER and DB_PASSWORD_SECRET are unset;"),
    "IAM, and nobody to migrate": (
        {"DB_IAM_AUTH": "true", "DB_USER": "", "DB_PASSWORD_SECRET": "", "MIGRATE_DATABASE_URL_SECRET": ""},
        "MIGRATE_DB_USER is unset; allowed: the name of a database user who applies migrations",
    ),
    "what the function refuses": ({"RATE_LIMIT_VIEWS": "99999999"}, "RATE_LIMIT_VIEWS is '99999999'; allowed: a whole"),
    "pool": ({"DB_POOL_MIN": "6"}, "DB_POOL_MIN is 6; allowed: at most DB_POOL_MAX, which is 3"),
    "a front door without a name": (
        {"INGRESS": "internal-and-cloud-load-balancing"},
        "DOMAIN is unset; allowed: a domain such as popups.example.com, with INGRESS=internal-and-cloud-load-balancing",
    ),
    "a proxy that can be walked around": (
        {"TRUSTED_PROXIES": "2"},
        "TRUSTED_PROXIES is 2 while the functions' own addresses are open, where anybody can forge another client's",
    ),
    "closed, and nobody inside": (
        {"INGRESS": "internal", "NETWORK": "", "SUBNET": "", "DB_IP_TYPE": "public"},
        "NETWORK and SUBNET are unset; allowed: both, with INGRESS=internal",
    ),
    "no domain": (
        {"DOMAIN": "https://popups.example.com"},
        "DOMAIN is 'https://popups.example.com'; allowed: a domain",
    ),
}


@pytest.mark.parametrize(("settings", "line"), BAD_SETTINGS.values(), ids=BAD_SETTINGS)
def test_a_bad_setting_is_one_plain_line_and_nothing_is_done(
    deployer: Deployer, settings: dict[str, str], line: str
) -> None:
    deployer.with_database()
    deployer.settings |= settings
    done = deployer("stats")
    assert done.returncode == 1
    assert line in done.stderr
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr
    assert not deployer.calls()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["sttas"], "there is no command or function sttas"),
        (["stats", "all"], "there is no command or function all"),
        (["migrate", "stats"], "migrate stands alone"),
        (["rollback"], "rollback needs one function"),
        (["--dryrun", "all"], "there is no option --dryrun"),
        (["all", "--dryrun"], "there is no option --dryrun"),
        (["all", "--config"], "--config needs the name of a file"),
    ],
)
def test_a_bad_word_is_refused_before_anything_is_done(deployer: Deployer, words: list[str], line: str) -> None:
    done = deployer(*words)
    assert done.returncode == 1
    assert line in done.stderr
    assert not deployer.calls()


def test_a_dry_run_prints_every_command_and_runs_none(deployer: Deployer) -> None:
    done = deployer("--dry-run", "all")
    assert done.returncode == 0, done.stderr
    assert not deployer.calls()
    assert done.stdout.count("gcloud run deploy ") == len(FUNCTIONS)
    for command in ("popups migrate", "gcloud run services update-traffic", "/_ready", "gcloud storage cp"):
        assert command in done.stdout


def test_options_may_stand_behind_the_command(deployer: Deployer) -> None:
    behind, before = deployer("stats", "--dry-run"), deployer("--dry-run", "stats")
    assert (behind.returncode, behind.stderr) == (0, before.stderr)
    assert not deployer.calls()


def test_a_network_that_was_taken_away_is_taken_away_from_the_service(deployer: Deployer) -> None:
    deployer.settings["DB_IP_TYPE"] = "public"
    deployer("stats")
    assert flags_of(deployer.calls("run deploy")[0])["network"] == "default"
    deployer.settings |= {"NETWORK": "", "SUBNET": ""}
    assert deployer("stats").returncode == 0
    flags = flags_of(deployer.calls("run deploy")[0])
    assert "clear-network" in flags
    assert not {"network", "subnet", "vpc-egress"} & set(flags)


def test_secrets_are_in_no_argument_and_no_output(deployer: Deployer) -> None:
    done = deployer("all")
    assert done.returncode == 0
    url = deployer.state["secrets"]["migrate-url:1"]
    everything = done.stdout + done.stderr + json.dumps(deployer.calls())
    for secret in ("hunter2", url, "10.0.0.3"):
        assert secret not in everything


def test_with_iam_each_function_signs_in_as_its_own_account(deployer: Deployer) -> None:
    deployer.settings |= {"DB_IAM_AUTH": "true", "DB_USER": "", "DB_PASSWORD_SECRET": ""}
    assert deployer("stats").returncode == 0
    (call,) = deployer.calls("run deploy")
    assert variables_of(call)["DB_USER"] == "shop-reports@acme-shop.iam"


WHO_MIGRATES = {
    "an IAM user": ({"MIGRATE_DB_USER": "ann@example.com"}, "ann@example.com true "),
    "the owner, with a password": (
        {"MIGRATE_DB_USER": "popups", "MIGRATE_DB_PASSWORD_SECRET": "db-password:3"},
        "popups false hunter2",
    ),
}


@pytest.mark.parametrize(("settings", "signed_in"), WHO_MIGRATES.values(), ids=WHO_MIGRATES)
def test_with_iam_an_iam_user_or_one_with_a_password_migrates(
    deployer: Deployer, settings: dict[str, str], signed_in: str
) -> None:
    deployer.settings |= {"DB_IAM_AUTH": "true", "DB_USER": "", "DB_PASSWORD_SECRET": ""}
    deployer.settings |= {"MIGRATE_DATABASE_URL_SECRET": "", **settings}
    seen: list[str] = []

    def migrate(environ: Mapping[str, str]) -> str:
        seen.append(" ".join(environ.get(name, "") for name in ("DB_USER", "DB_IAM_AUTH", "DB_PASSWORD")))
        return ""

    deployer.programs["migrate"] = migrate
    assert deployer("migrate").returncode == 0
    assert seen == [signed_in]


def test_a_function_that_is_not_public_is_asked_with_a_token(deployer: Deployer) -> None:
    deployer.settings["PUBLIC_MANAGE_POPUPS"] = "false"
    assert deployer("manage_popups").returncode == 0
    assert not deployer.state["services"]["shop-desk"]["public"]
    deployer.settings["LOG_LEVEL"] = "DEBUG"
    assert deployer("manage_popups").returncode == 0
    assert not deployer.state["services"]["shop-desk"]["public"]
    assert [token for _, token in Revisions.asked] == ["Bearer a-token", "Bearer a-token"]


@pytest.mark.parametrize("federated", [False, True], ids=["with a key", "federated"])
def test_a_service_accounts_token_names_the_service_and_not_the_revision(deployer: Deployer, federated: bool) -> None:
    deployer.wish(account="deployer@acme-shop.iam.gserviceaccount.com", federated=federated)
    assert deployer("stats").returncode == 0
    audience = f"{deployer.state['address']}/shop-reports"
    assert Revisions.asked == [("/candidate---shop-reports/_ready", f"Bearer a-token for {audience}")]


def test_who_may_call_a_function_changes_without_a_new_revision(deployer: Deployer) -> None:
    deployer("stats")
    for public in (False, True):
        deployer.settings["PUBLIC_STATS"] = str(public).lower()
        assert deployer("stats").returncode == 0
        assert deployer.state["services"]["shop-reports"]["public"] == public
        assert not deployer.calls("run deploy")


def test_a_function_that_could_not_be_closed_is_a_failure(deployer: Deployer) -> None:
    deployer("stats")
    deployer.settings["PUBLIC_STATS"] = "false"
    deployer.failing("run services remove-iam-policy-binding")
    done = deployer("stats")
    assert done.returncode == 1
    assert "stats: who may call shop-reports could not be changed" in done.stderr


@pytest.mark.skipif(not (ROOT / "console/dist/headers.json").exists(), reason="the console is not built")
def test_the_consoles_pages_are_uploaded_after_the_files_that_they_name(deployer: Deployer) -> None:
    deployer.settings["DOMAIN"] = "popups.example.com"
    done = deployer("console")
    assert done.returncode == 0, done.stderr
    *files, pages = deployer.calls()
    for call in files:
        assert flags_of(call)["cache-control"] == "public, max-age=31536000, immutable"
    assert flags_of(pages)["cache-control"] == "no-cache"
    built = {path.relative_to(ROOT / "console/dist").as_posix() for path in (ROOT / "console/dist").rglob("*.*")}
    assert set(deployer.state["objects"]) == {f"gs://acme-static/console/{name}" for name in built - {"headers.json"}}
    assert "https://popups.example.com/console/" in done.stdout


@pytest.mark.parametrize("domain", ["popups.example.com", ""])
def test_all_uploads_the_console_where_it_is_built_and_has_an_address(
    deployer: Deployer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, domain: str
) -> None:
    monkeypatch.setattr("ops.deploy.console.BUILT", tmp_path)
    for name in ("headers.json", "index.html"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "files").mkdir()
    for name in ("app.js", "app.css"):
        (tmp_path / "files" / name).write_text("")
    deployer.settings["DOMAIN"] = domain
    done = deployer("all")
    assert done.returncode == 0, done.stderr
    assert ("https://popups.example.com/console/" in done.stdout) == bool(domain)


def test_functions_are_deployed_without_a_built_console_and_that_is_said(
    deployer: Deployer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("ops.deploy.console.BUILT", tmp_path)
    deployer.settings["DOMAIN"] = "popups.example.com"
    done = deployer("all")
    assert done.returncode == 0, done.stderr
    assert "the console is not uploaded, because it is not built; make console builds it" in done.stderr


def test_the_console_is_not_served_from_an_address_that_all_buckets_share(deployer: Deployer) -> None:
    done = deployer("console")
    assert done.returncode == 1
    assert "DOMAIN is unset" in done.stderr


def test_the_storefront_script_is_uploaded_once_under_its_contents_name(deployer: Deployer) -> None:
    done = deployer("storefront")
    assert done.returncode == 0, done.stderr
    cors, *uploads, _ = deployer.calls()
    assert json.loads((ROOT / flags_of(cors)["cors-file"]).read_text())[0]["origin"] == ["*"]
    for call in uploads:
        assert flags_of(call)["cache-control"] == "public, max-age=31536000, immutable"
        assert {"no-clobber", "gzip-local-all"} <= set(flags_of(call))
    built = {path.name for path in (ROOT / "storefront" / "dist").iterdir()} - {"files.json"}
    assert set(deployer.state["objects"]) == {f"gs://acme-static/{name}" for name in built}
    assert all(
        re.fullmatch(r"storefront(-[a-z]+)?-[0-9a-f]{12}\.js(\.map)?", name) for name in built - {"storefront.js"}
    )


def test_the_name_that_stays_is_uploaded_last_and_cached_for_minutes(deployer: Deployer) -> None:
    done = deployer("storefront")
    last = deployer.calls()[-1]
    assert flags_of(last)["cache-control"] == "public, max-age=300, stale-while-revalidate=86400"
    assert "no-clobber" not in flags_of(last)
    assert "acme-static/storefront.js" in done.stdout
    integrity = json.loads((ROOT / "storefront" / "dist" / "files.json").read_text())["integrity"]
    assert integrity in done.stdout


def test_monitoring_applies_every_file_and_a_second_time_updates_them(deployer: Deployer) -> None:
    deployer.settings["NOTIFICATION_CHANNELS"] = "projects/acme-shop/notificationChannels/1"
    done = deployer("monitoring")
    assert (done.returncode, done.stderr) == (0, "")
    folder = ROOT / "ops/monitoring"
    assert set(deployer.state["metrics"]) == {path.stem for path in (folder / "metrics").glob("*.json")}
    assert len(deployer.state["policies"]) == len(list((folder / "alerts").glob("*.json")))
    assert len(deployer.state["dashboards"]) == 1
    before = deployer.state
    assert deployer("monitoring").returncode == 0
    assert deployer.state == before
    assert not [call for call in deployer.calls() if {"create", "delete"} & set(call)]


def channels(deployer: Deployer) -> set[str]:
    return {channel for policy in deployer.state["policies"].values() for channel in policy["notificationChannels"]}


def test_whom_the_alerts_tell_is_what_the_settings_say_however_often_they_are_applied(deployer: Deployer) -> None:
    for given in ("projects/acme-shop/notificationChannels/1", "1,2"):
        deployer.settings["NOTIFICATION_CHANNELS"] = given
        for _ in range(2):
            deployer("monitoring")
            assert channels(deployer) == set(given.split(","))


def test_alerts_that_tell_nobody_are_not_made_without_a_word(deployer: Deployer) -> None:
    for _ in range(2):
        done = deployer("monitoring")
        assert done.returncode == 0
        assert "NOTIFICATION_CHANNELS is unset: the alerts tell NOBODY" in done.stderr
        assert channels(deployer) == set()


def test_alerts_on_what_the_platform_counts_are_about_our_services_only(deployer: Deployer) -> None:
    deployer.settings["SERVICE_STATS"] = "shop-numbers"
    deployer("monitoring")
    metrics, policies = deployer.state["metrics"].values(), deployer.state["policies"].values()
    conditions = [policy["conditions"][0]["conditionPrometheusQueryLanguage"] for policy in policies]
    applied = [*(metric["filter"] for metric in metrics), *(condition["query"] for condition in conditions)]
    services = "|".join("shop-numbers" if name == "stats" else each.service for name, each in FUNCTIONS.items())
    named = re.findall(r'service_name=~"(.+?)"', "\n".join(applied))
    assert set(named) == {services, f"^({services})$"}
    (host,) = re.findall(r'host=~"(.+?)"', "\n".join(applied))
    assert host.endswith("|no front door")
    for ours in ("shop-numbers-a1b2c3d4e5-ew.a.run.app", "shop-content-123456789012.europe-west1.run.app"):
        assert re.fullmatch(host, ours)
    for other in ("shop-content-staging-a1b2c3d4e5-ew.a.run.app", "a-shop-content-a1b2c3d4e5-ew.a.run.app"):
        assert not re.fullmatch(host, other)


def uptime(deployer: Deployer) -> dict[str, str]:
    checks: dict[str, str] = deployer.state["uptime"]
    return {title: re.sub(r"^127[^/]*/", "", asked) for title, asked in checks.items()}


def test_what_everybody_may_call_has_an_uptime_check_at_its_address(deployer: Deployer) -> None:
    deployer("monitoring")
    assert uptime(deployer) == {}
    deployer.settings["PUBLIC_MANAGE_POPUPS"] = "false"
    assert deployer("stats", "manage_popups").returncode == 0
    assert uptime(deployer) == {"popups stats is ready": "shop-reports,/_ready"}
    deployer.settings |= {"SERVICE_STATS": "shop-numbers", "SERVICE_ACCOUNT_STATS": "shop-reports"}
    assert deployer("stats").returncode == 0
    assert uptime(deployer) == {"popups stats is ready": "shop-numbers,/_ready"}
    deployer.settings["PUBLIC_STATS"] = "false"
    assert deployer("stats").returncode == 0
    assert uptime(deployer) == {}


def test_an_uptime_check_is_kept_where_nobody_knows_whether_its_service_is_there(deployer: Deployer) -> None:
    deployer("stats")
    deployer.failing("run services list")
    assert deployer("monitoring").returncode == 1
    assert uptime(deployer) == {"popups stats is ready": "shop-reports,/_ready"}


def test_warm_asks_the_function_for_every_shop(deployer: Deployer, database: object) -> None:
    database(
        "INSERT INTO shops (id, name, time_zone, currency, allowed_origins) VALUES ('warm', '', 'UTC', 'USD', '{}')"
    )  # type: ignore[operator]
    deployer("get_active_popups")
    deployer.with_database()
    done = deployer("warm")
    assert done.returncode == 0, done.stderr
    assert (f"/{CONTENT}/?shop_id=warm", None) in Revisions.asked


def test_no_service_has_a_name_that_content_blockers_know() -> None:
    blocked = re.compile("popup|track|stat|event|analytic|beacon|pixel|collect|campaign|convers|exit|ads?$")
    names = re.findall(r"^#SERVICE_[A-Z_]+=(\S+)$", (ROOT / "deploy.env.example").read_text(), re.MULTILINE)
    assert len(names) == len(FUNCTIONS)
    assert not [name for name in names if blocked.search(name)]


def test_the_example_names_every_setting_with_its_default() -> None:
    known = {name: setting.default for name, setting in SETTINGS.items()}
    example = (ROOT / "deploy.env.example").read_text()
    shown = dict(re.findall(r"^#?([A-Z][A-Z_]+)=(\S*)$", example, re.MULTILINE))
    of_one_function = {own_name(each.name, function) for each in PER_FUNCTION for function in FUNCTIONS.values()}
    assert {name for name in known if name in shown or name not in of_one_function} == set(shown)
    commented = dict(re.findall(r"^#([A-Z][A-Z_]+)=(\S*)$", example, re.MULTILINE))
    assert {name: known[name] for name in commented} == commented
