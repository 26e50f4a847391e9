"""What a deployed function finds in its environment: every setting that it reads, and no secret that it does not."""

import pytest

from cli.function_table import FUNCTIONS, DeployedFunction
from common.config import about
from ops.deploy.service import deploy_flags
from ops.deploy.settings import Settings
from ops.settings_pages import defaults
from tests.deploy.conftest import SETTINGS


def environment(settings: dict[str, str], function: DeployedFunction) -> dict[str, str]:
    """Return the variables and secrets that a deployment gives the function."""
    flags = deploy_flags(Settings(SETTINGS | settings), function)
    (variables,) = (flag.partition("=^|^")[2] for flag in flags if flag.startswith("--set-env-vars="))
    (secrets,) = (flag.partition("=")[2] for flag in flags if flag.startswith("--set-secrets="))
    return dict(pair.split("=", 1) for pair in [*variables.split("|"), *secrets.split(",")])


def reached(name: str) -> set[str]:
    """Return the functions that have this setting in their environment when deploy.env has it."""
    secret, example = about()[name].secret, about()[name].example or defaults()[name]
    text = "a-secret:7" if secret else example
    given = {f"{name}_SECRET" if secret else name: text}
    return {each.name for each in FUNCTIONS.values() if environment(given, each).get(name) == text}


def test_every_setting_of_config_reaches_the_functions_that_need_it_and_no_others() -> None:
    """A setting that is not for all and that no row of functions.toml needs would reach nobody."""
    needing = {name: {each.name for each in FUNCTIONS.values() if name in each.needs} for name in about()}
    expected = {name: set(FUNCTIONS) if known.shared else needing[name] for name, known in about().items()}
    assert {name: reached(name) for name in about()} == expected
    assert [name for name, functions in expected.items() if not functions] == []


def test_a_row_needs_only_settings_that_not_everybody_gets() -> None:
    for function in FUNCTIONS.values():
        assert [name for name in function.needs if about()[name].shared] == []


SCALING = {
    "of all": ({"CONCURRENCY": "80", "CPU_THROTTLING": "false"}, "track_view", "80", "--no-cpu-throttling"),
    "of all, another": ({"CONCURRENCY": "80"}, "manage_popups", "80", "--no-cpu-throttling"),
    "its own before that of all": ({"CONCURRENCY": "80", "CONCURRENCY_STATS": "8"}, "stats", "8", "--cpu-throttling"),
    "none given": ({}, "stats", "20", "--cpu-throttling"),
    "one that keeps its CPU unless its own setting says otherwise": (
        {"CPU_THROTTLING": "true"},
        "manage_popups",
        "20",
        "--no-cpu-throttling",
    ),
    "and it does": ({"CPU_THROTTLING_MANAGE_POPUPS": "true"}, "manage_popups", "20", "--cpu-throttling"),
}


@pytest.mark.parametrize(("settings", "name", "concurrency", "cpu"), SCALING.values(), ids=SCALING)
def test_a_setting_of_all_functions_holds_for_each_that_has_none_of_its_own(
    settings: dict[str, str], name: str, concurrency: str, cpu: str
) -> None:
    flags = deploy_flags(Settings(SETTINGS | settings), FUNCTIONS[name])
    assert f"--concurrency={concurrency}" in flags
    assert cpu in flags
    assert environment(settings, FUNCTIONS[name])["THREADS"] == concurrency


def test_the_defaults_fit_the_smallest_sensible_database_twice() -> None:
    """Cloud SQL with 1 vCPU and 3.75 GB has 97 connections: of old and new instances, and of DB_RESERVE."""
    settings = Settings({})
    wanted = sum(
        int(settings.of(each, "MAX_INSTANCES")) * int(settings.of(each, "DB_POOL_MAX")) for each in FUNCTIONS.values()
    )
    assert 2 * wanted + int(settings["DB_RESERVE"]) <= 97
