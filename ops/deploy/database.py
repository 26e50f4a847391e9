"""Check the database before a deployment: its connection limit and its schema.

Its secrets are only passed in the environment of child processes, so that they appear in no process list or file.
"""

from __future__ import annotations

import os

from cli.function_table import FUNCTIONS
from common.config import about
from ops.deploy.cloud import Cloud
from ops.deploy.commands import Failure, beside_python, failing_as


def migrate(cloud: Cloud) -> None:
    with failing_as("a migration failed; nothing was deployed"):
        cloud.commands.change(beside_python("popups"), "migrate", environ=_environ(cloud))


def shop_ids(cloud: Cloud) -> list[str]:
    """Return the id of every shop in the database."""
    with failing_as("the database did not tell its shops"):
        return _ask(cloud, "ops.deploy.shop_ids").split()


def check_connections(cloud: Cloud) -> None:
    """Check the connections of all functions, not only of those deployed now, since they share the database."""
    with failing_as("the database did not tell its max_connections"):
        limit = int(_ask(cloud, "ops.deploy.max_connections") or 0)
    instances = {name: int(cloud.settings.of(each, "MAX_INSTANCES")) for name, each in FUNCTIONS.items()}
    wanted = sum(count * int(cloud.settings.of(FUNCTIONS[name], "DB_POOL_MAX")) for name, count in instances.items())
    reserve = int(cloud.settings["DB_RESERVE"])
    if wanted > limit - reserve and not cloud.commands.dry_run:
        raise Failure(
            f"MAX_INSTANCES x DB_POOL_MAX comes to {wanted} connections for the {len(FUNCTIONS)} functions; the "
            f"database has {limit} and keeps {reserve} (DB_RESERVE) for others. Lower one, or give the database more"
        )


def _ask(cloud: Cloud, module: str) -> str:
    return cloud.commands.ask(beside_python("python"), "-m", module, environ=_environ(cloud))


def _environ(cloud: Cloud) -> dict[str, str]:
    """Return the environment with the variables of the production database instead of local ones."""
    ours = {name: text for name, text in os.environ.items() if name not in about()}
    references = _secrets(cloud)
    return ours | _variables(cloud) | {name: _secret(cloud, text) for name, text in references.items()}


def _variables(cloud: Cloud) -> dict[str, str]:
    """Return the variables for migrations, which may use another user and address."""
    settings = cloud.settings
    if settings.migration_url:
        return {}
    # If it has its own password, this user signs in with it, even if the functions use IAM.
    iam = "false" if settings["MIGRATE_DB_PASSWORD_SECRET"] else settings["DB_IAM_AUTH"]
    return {
        "INSTANCE_CONNECTION_NAME": settings["INSTANCE_CONNECTION_NAME"],
        "DB_NAME": settings["DB_NAME"],
        "DB_IP_TYPE": settings.first_of("MIGRATE_DB_IP_TYPE", "DB_IP_TYPE"),
        "DB_USER": settings.first_of("MIGRATE_DB_USER", "DB_USER"),
        "DB_IAM_AUTH": iam,
    }


def _secrets(cloud: Cloud) -> dict[str, str]:
    """Return each secret's NAME:VERSION by variable."""
    if cloud.settings.migration_url:
        return {"DATABASE_URL": cloud.settings.migration_url}
    password = cloud.settings.first_of("MIGRATE_DB_PASSWORD_SECRET", "DB_PASSWORD_SECRET")
    return {"DB_PASSWORD": password} if password else {}


def _secret(cloud: Cloud, reference: str) -> str:
    name, _, version = reference.partition(":")
    with failing_as(f"the secret {reference} cannot be read"):
        return cloud.ask("secrets", "versions", "access", version, f"--secret={name}", *cloud.in_project)
