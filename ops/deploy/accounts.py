"""The service accounts: one for each function and one for jobs, each with the permissions that it needs and no others.

Only `prepare` makes them and gives them roles: a deployment needs no right to do so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cli.function_table import FUNCTIONS, DeployedFunction
from ops.deploy.cloud import Cloud
from ops.deploy.commands import Failure
from ops.deploy.environment import CA_FILES, cloud_sql_instances, secrets
from ops.deploy.settings import Settings

READER = "roles/secretmanager.secretAccessor"
ADMIN = "popups-admin"
"""The job in which commands run beside the database, and the account that it acts as."""


@dataclass(frozen=True)
class Account:
    """A service account: its name, what it is for, its roles in the project, and the secrets that it reads."""

    name: str
    title: str
    roles: tuple[str, ...]
    secrets: tuple[str, ...]


def accounts(settings: Settings) -> Iterator[Account]:
    for function in FUNCTIONS.values():
        references = secrets(settings, function).values()
        yield Account(
            settings.account_name(function), function.name, _function_roles(settings, function), _names(references)
        )
    yield Account(ADMIN, "popups jobs", tuple(_admin_roles(settings)), _names(_admin_secrets(settings)))


def address(settings: Settings, name: str) -> str:
    return f"{name}@{settings['PROJECT']}.iam.gserviceaccount.com"


def check_accounts(cloud: Cloud, functions: Iterable[DeployedFunction]) -> None:
    """Raise Failure if an account is missing, which is prepared once by an administrator."""
    for function in functions:
        if not is_there(cloud, cloud.settings.account(function)) and not cloud.commands.dry_run:
            raise Failure(
                f"{cloud.settings.account(function)} is missing; an administrator makes it: ./deploy.sh prepare"
            )


def is_there(cloud: Cloud, account: str) -> bool:
    listing = ("iam", "service-accounts", "list", f"--filter=email={account}", "--format=value(email)")
    return bool(cloud.ask(*listing, *cloud.in_project))


def make_account(cloud: Cloud, account: Account) -> None:
    email = address(cloud.settings, account.name)
    if not is_there(cloud, email):
        cloud.change(
            "iam", "service-accounts", "create", account.name, f"--display-name={account.title}", *cloud.in_project
        )
    member = f"--member=serviceAccount:{email}"
    for role in account.roles:
        give_role(cloud, member, role)
    for secret in account.secrets:
        cloud.bind("secrets", "add-iam-policy-binding", secret, member, f"--role={READER}", *cloud.in_project)


def give_role(cloud: Cloud, member: str, role: str) -> None:
    project = cloud.settings["PROJECT"]
    cloud.bind("projects", "add-iam-policy-binding", project, member, f"--role={role}", "--condition=None", "--quiet")


def _function_roles(settings: Settings, function: DeployedFunction) -> tuple[str, ...]:
    roles = ["roles/cloudsql.client"] if cloud_sql_instances(settings, function) else []
    return (*roles, "roles/cloudsql.instanceUser") if settings["DB_IAM_AUTH"] == "true" else tuple(roles)


def _admin_roles(settings: Settings) -> Iterator[str]:
    if not settings.migration_url:
        yield "roles/cloudsql.client"
        if settings["DB_IAM_AUTH"] == "true" and not settings["MIGRATE_DB_PASSWORD_SECRET"]:
            yield "roles/cloudsql.instanceUser"
    if settings.is_closed:
        yield "roles/run.invoker"  # asks new revisions, which nobody outside can ask, for /_ready
    yield "roles/secretmanager.secretVersionAdder"  # keeps a new API key where only its reader sees it


def _admin_secrets(settings: Settings) -> Iterator[str]:
    names = ("REDIS_URL_SECRET", "SECRETS_KEY_SECRET", *(f"{name}_SECRET" for name in CA_FILES))
    yield from (settings[name] for name in names)
    yield settings.migration_url or settings.first_of("MIGRATE_DB_PASSWORD_SECRET", "DB_PASSWORD_SECRET")


def _names(references: Iterable[str]) -> tuple[str, ...]:
    """Return the secrets' names without versions, each once, in order."""
    return tuple(dict.fromkeys(reference.partition(":")[0] for reference in references if reference))
