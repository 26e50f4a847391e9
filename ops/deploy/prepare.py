"""Prepare a project, once and by an administrator: services, accounts, and who may do what.

Everything here needs the right to change policies (setIamPolicy). Deploying afterwards does not, as long as nothing of
this changes. Safe to repeat.
"""

from __future__ import annotations

from cli.function_table import FUNCTIONS
from ops.deploy.access import set_access
from ops.deploy.accounts import accounts, address, give_role, make_account
from ops.deploy.cloud import Cloud
from ops.deploy.commands import say

SERVICES = tuple(
    f"{name}.googleapis.com"
    for name in (
        "artifactregistry",
        "cloudbuild",
        "cloudscheduler",
        "compute",
        "iam",
        "logging",
        "monitoring",
        "run",
        "secretmanager",
        "sqladmin",
    )
)

# What a deployer needs, and for which commands.
DEPLOYER_ROLES = {
    "roles/run.sourceDeveloper": "a function, all",
    "roles/run.developer": "rollback, jobs, admin",
    "roles/serviceusage.serviceUsageConsumer": "every command",
    "roles/secretmanager.viewer": "admin",
    "roles/logging.configWriter": "monitoring",
    "roles/logging.viewer": "admin",
    "roles/monitoring.editor": "monitoring, and the uptime checks of a function",
    "roles/cloudscheduler.admin": "jobs",
    "roles/compute.loadBalancerAdmin": "front-door",
    "roles/compute.securityAdmin": "front-door with ARMOR_PER_MINUTE",
}


def prepare(cloud: Cloud) -> None:
    cloud.change("services", "enable", *SERVICES, *cloud.in_project)
    _let_builds_run(cloud)
    for account in accounts(cloud.settings):
        say(f"preparing the account {account.name}")
        make_account(cloud, account)
    if cloud.settings["DEPLOYER"]:
        _prepare_deployer(cloud, f"--member={cloud.settings['DEPLOYER']}")
    if cloud.settings["BUCKET"]:
        _open_bucket(cloud)
    if cloud.settings.is_closed:
        _open_ways_inside(cloud)
    for function in FUNCTIONS.values():
        if cloud.deployed_service(cloud.service(function)) and not cloud.commands.dry_run:
            set_access(cloud, function, cloud.service(function))


def _let_builds_run(cloud: Cloud) -> None:
    """Give the account of Cloud Build, in new projects Compute Engine's, the role that building from source needs."""
    project = cloud.settings["PROJECT"]
    number = cloud.ask("projects", "describe", project, "--format=value(projectNumber)", "--quiet", supposed="NUMBER")
    give_role(cloud, f"--member=serviceAccount:{number}-compute@developer.gserviceaccount.com", "roles/run.builder")


def _prepare_deployer(cloud: Cloud, member: str) -> None:
    """Give whoever deploys the named roles, the right to let functions act as their accounts, and what they read."""
    for role in DEPLOYER_ROLES:
        give_role(cloud, member, role)
    for account in accounts(cloud.settings):
        acting = ("iam", "service-accounts", "add-iam-policy-binding", address(cloud.settings, account.name))
        cloud.bind(*acting, member, "--role=roles/iam.serviceAccountUser", *cloud.in_project)
    if cloud.settings["BUCKET"]:
        _bind_bucket(cloud, member, "roles/storage.admin")
    if cloud.settings["MIGRATE_IN"] == "here":
        migrating = cloud.settings.migration_url or cloud.settings.first_of(
            "MIGRATE_DB_PASSWORD_SECRET", "DB_PASSWORD_SECRET"
        )
        reading = ("secrets", "add-iam-policy-binding", migrating.partition(":")[0], member)
        if migrating:
            cloud.bind(*reading, "--role=roles/secretmanager.secretAccessor", *cloud.in_project)


def _open_bucket(cloud: Cloud) -> None:
    """Make the bucket if it is missing, and let everybody read what is in it."""
    bucket = cloud.settings["BUCKET"]
    listing = ("storage", "buckets", "list", f"--filter=name={bucket}", "--format=value(name)")
    if not cloud.ask(*listing, *cloud.in_project):
        place = f"--location={cloud.settings['REGION']}"
        making = ("storage", "buckets", "create", f"gs://{bucket}", place, "--uniform-bucket-level-access")
        cloud.change(*making, *cloud.in_project)
    _bind_bucket(cloud, "--member=allUsers", "roles/storage.objectViewer")


def _bind_bucket(cloud: Cloud, member: str, role: str) -> None:
    target = f"gs://{cloud.settings['BUCKET']}"
    cloud.bind("storage", "buckets", "add-iam-policy-binding", target, member, f"--role={role}", *cloud.in_project)


def _open_ways_inside(cloud: Cloud) -> None:
    """Let what is inside the subnet reach Google's addresses, the functions' own among them, from inside."""
    subnet = cloud.settings["SUBNET"]
    flag = "--enable-private-ip-google-access"
    cloud.change("compute", "networks", "subnets", "update", subnet, flag, *cloud.in_region)
