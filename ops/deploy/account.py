"""Create a function's service account, with the permissions that the function needs and no others."""

from __future__ import annotations

from cli.function_table import DeployedFunction
from ops.deploy.cloud import Cloud
from ops.deploy.environment import cloud_sql_instances, secrets


def prepare_account(cloud: Cloud, function: DeployedFunction) -> None:
    account = cloud.settings.account(function)
    listing = ("iam", "service-accounts", "list", f"--filter=email={account}", "--format=value(email)")
    if not cloud.ask(*listing, *cloud.in_project):
        name, title = account.partition("@")[0], f"--display-name={function.name}"
        cloud.change("iam", "service-accounts", "create", name, title, *cloud.in_project)
    member = f"--member=serviceAccount:{account}"
    for role in _roles(cloud, function):
        project = cloud.settings["PROJECT"]
        binding = ("projects", "add-iam-policy-binding", project, member, f"--role={role}")
        cloud.change(*binding, "--condition=None", "--quiet")
    for reference in secrets(cloud.settings, function).values():
        secret, role = reference.partition(":")[0], "--role=roles/secretmanager.secretAccessor"
        cloud.change("secrets", "add-iam-policy-binding", secret, member, role, *cloud.in_project)


def _roles(cloud: Cloud, function: DeployedFunction) -> list[str]:
    roles = ["roles/cloudsql.client"] if cloud_sql_instances(cloud.settings, function) else []
    return [*roles, "roles/cloudsql.instanceUser"] if cloud.settings["DB_IAM_AUTH"] == "true" else roles
