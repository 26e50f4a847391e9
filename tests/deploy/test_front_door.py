"""The front door as deploy.sh makes it: what there is of it, made once, changed with the settings, and removed."""

import json
from pathlib import Path

import pytest

from cli.function_table import FUNCTIONS
from ops.deploy import files
from ops.deploy.settings import Settings
from ops.deploy.url_map import url_map
from tests.deploy.conftest import SETTINGS, Deployer
from tests.deploy.test_deploy import flags_of

DOMAIN = {"DOMAIN": "popups.example.com"}


@pytest.fixture
def door(deployer: Deployer) -> Deployer:
    """Where all functions are deployed and DOMAIN is given."""
    deployer.settings |= DOMAIN
    assert deployer("all").returncode == 0
    return deployer


def made(deployer: Deployer, kind: str) -> dict[str, dict[str, object]]:
    resources: dict[str, dict[str, object]] = deployer.state["compute"].get(kind, {})
    return resources


def test_everything_is_behind_one_address(door: Deployer) -> None:
    done = door("front-door")
    assert done.returncode == 0, done.stderr
    backends = made(door, "backend-services")
    assert set(backends) == {f"popups-{each.service}" for each in FUNCTIONS.values()}
    for name, backend in backends.items():
        assert backend["load-balancing-scheme"] == "EXTERNAL_MANAGED"
        assert backend["groups"] == [name]
        assert made(door, "network-endpoint-groups")[name]["cloud-run-service"] == name.removeprefix("popups-")
    assert {rule["ports"] for rule in made(door, "forwarding-rules").values()} == {"443", "80"}
    assert made(door, "url-maps")["popups-front-door"] == url_map(Settings(SETTINGS | DOMAIN))
    assert "popups.example.com  A  203.0.113.7" in done.stdout
    assert "https://popups.example.com/storefront.js" in done.stdout
    assert "still open beside it" in done.stderr


def test_the_cdn_keeps_active_popups_by_what_they_depend_on_and_nothing_else(door: Deployer) -> None:
    door("front-door")
    backends = made(door, "backend-services")
    content = backends.pop("popups-shop-content")
    assert content["cache-mode"] == "USE_ORIGIN_HEADERS"
    assert content["cache-key-query-string-whitelist"] == "shop_id,rules"
    assert all("no-enable-cdn" in backend for backend in backends.values())


def test_a_second_run_changes_nothing(door: Deployer) -> None:
    door("front-door")
    before = door.state
    assert door("front-door").returncode == 0
    assert door.state == before
    assert not [call for call in door.calls() if {"create", "delete", "add-backend"} & set(call)]


@pytest.mark.parametrize(
    "call",
    ["addresses create", "network-endpoint-groups create", "backend-services add-backend", "url-maps import"],
)
def test_a_run_that_broke_off_is_finished_by_the_next(door: Deployer, call: str) -> None:
    door.failing(f"compute {call}")
    assert door("front-door").returncode == 1
    door.failing()
    assert door("front-door").returncode == 0
    assert all(backend["groups"] == [name] for name, backend in made(door, "backend-services").items())
    assert len(made(door, "forwarding-rules")) == 2


def test_cloud_armor_limits_addresses_where_it_is_asked_for(door: Deployer) -> None:
    for limit in ("600", "900"):
        door.settings["ARMOR_PER_MINUTE"] = limit
        assert door("front-door").returncode == 0
        (rule,) = made(door, "security-policies")["popups-front-door"]["rules"].values()  # type: ignore[attr-defined]
        assert (rule["rate-limit-threshold-count"], rule["exceed-action"]) == (limit, "deny-429")
        assert {each["security-policy"] for each in made(door, "backend-services").values()} == {"popups-front-door"}
    door.settings["ARMOR_PER_MINUTE"] = ""
    assert door("front-door").returncode == 0
    assert {each["security-policy"] for each in made(door, "backend-services").values()} == {""}


def test_everything_is_removed_again(door: Deployer) -> None:
    door.settings["ARMOR_PER_MINUTE"] = "600"
    door("front-door")
    door.settings["ARMOR_PER_MINUTE"] = ""
    done = door("front-door", "remove")
    assert done.returncode == 0, done.stderr
    assert not any(door.state["compute"].values())
    kinds = [call[1] for call in door.calls() if call[2] == "delete"]
    assert kinds.index("forwarding-rules") < kinds.index("url-maps") < kinds.index("backend-services")


def test_it_is_not_removed_while_it_is_the_only_way_in(door: Deployer) -> None:
    door("front-door")
    door.settings["INGRESS"] = "internal-and-cloud-load-balancing"
    done = door("front-door", "remove")
    assert done.returncode == 1
    assert "INGRESS lets nobody reach the functions but through the front door" in done.stderr
    assert made(door, "forwarding-rules")


def test_it_needs_a_domain_and_what_it_leads_to(deployer: Deployer) -> None:
    assert "DOMAIN is unset; allowed: a domain such as" in deployer("front-door").stderr
    deployer.settings |= DOMAIN
    assert "get_active_popups is not deployed; deploy all first" in deployer("front-door").stderr
    assert made(deployer, "addresses") == {}


def test_the_consoles_pages_have_their_own_headers(
    door: Deployer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = tmp_path / "headers.json"
    policies = {page: f"default-src 'none'; report-to {page}" for page in files.PAGES}
    told = {page: {"Content-Security-Policy": text, "Cache-Control": "no-cache"} for page, text in policies.items()}
    headers.write_text(json.dumps(told))
    monkeypatch.setattr(files, "CONSOLE_HEADERS", headers)
    files.backend_buckets.cache_clear()
    done = door("front-door")
    assert done.returncode == 0
    assert "https://popups.example.com/console/" in done.stdout
    files.backend_buckets.cache_clear()
    for page, bucket in files.PAGES.items():
        (update,) = door.calls(f"compute backend-buckets update {bucket}")
        given = [word.partition("=")[2] for word in update if word.startswith("--custom-response-header=")]
        assert f"Content-Security-Policy: {policies[page]}" in given
        assert not [header for header in given if header.startswith("Cache-Control")]
        assert flags_of(update)["gcs-bucket-name"] == "acme-static"
    rules = made(door, "url-maps")["popups-front-door"]["pathMatchers"][0]["routeRules"]  # type: ignore[index]
    paths = {rule["matchRules"][0]["fullPathMatch"]: rule for rule in rules}
    assert paths["/console/"]["routeAction"]["urlRewrite"]["pathPrefixRewrite"] == "/console/index.html"
    assert paths["/console"]["urlRedirect"]["pathRedirect"] == "/console/"


def test_a_front_door_without_console_says_so(door: Deployer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "CONSOLE_HEADERS", tmp_path / "missing.json")
    files.backend_buckets.cache_clear()
    done = door("front-door")
    files.backend_buckets.cache_clear()
    assert done.returncode == 0
    assert "/console/ leads nowhere, because the console is not built" in done.stderr
