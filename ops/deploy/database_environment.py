"""How what works on the database (migrations, the admin job) reaches it: perhaps by another user, address or URL.

Its secrets are only passed in the environment of child processes, so that they appear in no process list.
"""

from __future__ import annotations

import os

from common.config import about
from ops.deploy.cloud import Cloud
from ops.deploy.commands import failing_as
from ops.deploy.environment import CA_FILES
from ops.deploy.settings import Settings


def environ_here(cloud: Cloud) -> dict[str, str]:
    """Return this process's environment with the variables of the production database instead of local ones."""
    settings = cloud.settings
    ours = {name: text for name, text in os.environ.items() if name not in about()}
    secrets = {name: read_secret(cloud, text) for name, text in _secrets(settings).items()}
    if authority := settings["DATABASE_CA_SECRET"]:
        file = cloud.folder / "database-ca.pem"
        file.write_text(read_secret(cloud, authority))
        secrets["DATABASE_CA_FILE"] = str(file)
    return ours | _variables(settings) | secrets


def job_variables(settings: Settings) -> dict[str, str]:
    """Return the variables of the admin job, without secrets."""
    files = {f"{name}_FILE": path for name, path in CA_FILES.items() if settings[f"{name}_SECRET"]}
    return {**_variables(settings), **files, "GOOGLE_CLOUD_PROJECT": settings["PROJECT"]}


def job_secrets(settings: Settings) -> dict[str, str]:
    """Return the NAME:VERSION of the admin job's secrets by variable, or by path for those that are files."""
    files = {path: settings[f"{name}_SECRET"] for name, path in CA_FILES.items()}
    named = {name: settings[f"{name}_SECRET"] for name in ("REDIS_URL", "SECRETS_KEY")}
    references = {**_secrets(settings), **named, **files}
    return {name: reference for name, reference in references.items() if reference}


def migration_instances(settings: Settings) -> list[str]:
    return [] if settings.migration_url else [settings["INSTANCE_CONNECTION_NAME"]]


def read_secret(cloud: Cloud, reference: str) -> str:
    name, _, version = reference.partition(":")
    with failing_as(f"the secret {reference} cannot be read"):
        return cloud.ask("secrets", "versions", "access", version, f"--secret={name}", *cloud.in_project)


def _variables(settings: Settings) -> dict[str, str]:
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


def _secrets(settings: Settings) -> dict[str, str]:
    """Return each secret's NAME:VERSION by variable."""
    if settings.migration_url:
        return {"DATABASE_URL": settings.migration_url}
    password = settings.first_of("MIGRATE_DB_PASSWORD_SECRET", "DB_PASSWORD_SECRET")
    return {"DB_PASSWORD": password} if password else {}
