"""`prepare`, once and by an administrator, gives the roles that are needed and no others; a deployment gives none."""

import pytest

from cli.function_table import FUNCTIONS
from ops.deploy.accounts import ADMIN
from ops.deploy.prepare import DEPLOYER_ROLES
from tests.deploy.conftest import Deployer

POLICIES = ("add-iam-policy-binding", "remove-iam-policy-binding", "set-iam-policy")


def roles_of(deployer: Deployer, account: str) -> set[tuple[str, str]]:
    """Return what a service account was given, as pairs of a resource and a role."""
    member = f"serviceAccount:{account}@acme-shop.iam.gserviceaccount.com"
    return {(thing, role.rpartition("/")[2]) for thing, who, role in deployer.state["roles"] if who == member}


def changed_policies(deployer: Deployer) -> list[str]:
    return [" ".join(call) for call in deployer.calls() if set(POLICIES) & set(call)]


def test_each_account_gets_what_its_function_needs_and_no_more(deployer: Deployer) -> None:
    deployer.wish(accounts=[])
    done = deployer("prepare")
    assert done.returncode == 0, done.stderr
    assert len(deployer.state["accounts"]) == len(FUNCTIONS) + 1
    reads = {(name, "secretmanager.secretAccessor") for name in ("db-password", "redis-url")}
    for function in FUNCTIONS.values():
        assert roles_of(deployer, function.service) == {*reads, ("acme-shop", "cloudsql.client")}
    assert roles_of(deployer, ADMIN) == {
        ("redis-url", "secretmanager.secretAccessor"),
        ("migrate-url", "secretmanager.secretAccessor"),
        ("acme-shop", "secretmanager.secretVersionAdder"),
    }


def test_with_iam_the_accounts_are_users_of_the_database(deployer: Deployer) -> None:
    deployer.settings |= {"DB_IAM_AUTH": "true", "DB_USER": "", "DB_PASSWORD_SECRET": ""}
    assert deployer("prepare").returncode == 0
    assert ("acme-shop", "cloudsql.instanceUser") in roles_of(deployer, "shop-reports")


def test_a_role_is_tried_again_until_the_new_account_is_known(deployer: Deployer) -> None:
    deployer.wish(accounts=[], late=7)
    done = deployer("prepare")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("tried again") == 7


def test_after_a_minute_it_is_not_the_new_account(deployer: Deployer) -> None:
    deployer.failing("projects add-iam-policy-binding")
    done = deployer("prepare")
    assert done.returncode == 1
    assert done.stderr.count("tried again") == 12


def test_a_second_run_makes_nothing_new(deployer: Deployer) -> None:
    deployer.wish(accounts=[])
    deployer("prepare")
    before = deployer.state
    assert deployer("prepare").returncode == 0
    assert deployer.state == before
    assert not [call for call in deployer.calls() if "create" in call]


def test_a_deployment_needs_the_accounts_and_says_who_makes_them(deployer: Deployer) -> None:
    deployer.wish(accounts=[])
    done = deployer("stats")
    assert done.returncode == 1
    line = "shop-reports@acme-shop.iam.gserviceaccount.com is missing; an administrator makes it: ./deploy.sh prepare"
    assert line in done.stderr
    assert not deployer.calls("run deploy")


def test_a_deployment_changes_no_policy_but_that_of_a_new_service(deployer: Deployer) -> None:
    deployer("all")
    assert {call.split()[1] for call in changed_policies(deployer)} == {"services"}
    deployer.settings["LOG_LEVEL"] = "DEBUG"
    assert deployer("all").returncode == 0
    assert deployer.calls("run deploy")
    assert changed_policies(deployer) == []


def test_who_deploys_gets_named_roles_and_may_act_as_each_account(deployer: Deployer) -> None:
    deployer.settings |= {"DEPLOYER": "user:ann@example.com", "MIGRATE_DATABASE_URL_SECRET": ""}
    assert deployer("prepare").returncode == 0
    given = {(thing, role) for thing, who, role in deployer.state["roles"] if who == "user:ann@example.com"}
    assert {role for thing, role in given if thing == "acme-shop"} == set(DEPLOYER_ROLES)
    acting = {thing for thing, role in given if role == "roles/iam.serviceAccountUser"}
    assert acting == set(deployer.state["accounts"])
    assert ("db-password", "roles/secretmanager.secretAccessor") in given
    assert not {role for _, role in given} & {"roles/owner", "roles/editor", "roles/run.admin"}


@pytest.mark.parametrize("buckets", [{}, {"acme-static": {}}], ids=["made", "found"])
def test_everybody_may_read_the_bucket(deployer: Deployer, buckets: dict[str, object]) -> None:
    deployer.wish(buckets=buckets)
    assert deployer("prepare").returncode == 0
    assert set(deployer.state["buckets"]) == {"acme-static"}
    assert ["gs://acme-static", "allUsers", "roles/storage.objectViewer"] in deployer.state["roles"]
