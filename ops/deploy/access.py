"""Access to a service: public, or with the invoker role."""

from __future__ import annotations

from cli.function_table import DeployedFunction
from ops.deploy.cloud import Cloud
from ops.deploy.commands import CommandFailed, failing_as

EVERYBODY = "allUsers"
CALLER = "roles/run.invoker"


def is_public(cloud: Cloud, service: str) -> bool:
    """Return whether the service is public."""
    with failing_as(f"who may call {service} cannot be read"):
        everybody = cloud.ask(
            *("run", "services", "get-iam-policy", service, "--flatten=bindings[].members"),
            f"--filter=bindings.role={CALLER} AND bindings.members={EVERYBODY}",
            "--format=value(bindings.members)",
            *cloud.in_region,
            supposed=EVERYBODY,
        )
    return bool(everybody)


def set_access(cloud: Cloud, function: DeployedFunction, service: str) -> None:
    """Make the service public, or restrict it to the invoker role, as PUBLIC says."""
    wanted = cloud.settings.of(function, "PUBLIC") == "true"
    if is_public(cloud, service) == wanted:
        return
    # Not by a flag of `run deploy`, which only warns if it fails, and exits successfully.
    verb = "add" if wanted else "remove"
    with failing_as(f"{function.name}: who may call {service} could not be changed"):
        cloud.change(
            *("run", "services", f"{verb}-iam-policy-binding", service, f"--member={EVERYBODY}", f"--role={CALLER}"),
            *cloud.in_region,
        )


def identity_token(cloud: Cloud, function: DeployedFunction) -> str:
    """Return an identity token for a service that is not public."""
    active = ("auth", "list", "--filter=status:ACTIVE", "--format=value(account)")
    account = cloud.ask(*active, supposed="DEPLOYER.iam.gserviceaccount.com")
    printing = ("auth", "print-identity-token")
    if not account.endswith(".gserviceaccount.com"):
        return cloud.ask(*printing, *cloud.in_project, supposed="TOKEN")
    # A service account's token must name the service, even for a revision's own URL; a user's token cannot.
    audience = f"--audiences={cloud.service_url(function)}"
    try:
        return cloud.ask(*printing, audience, *cloud.in_project, supposed="TOKEN")
    except CommandFailed:
        # Under workload identity federation a service account gets a token only by impersonating itself.
        impersonating = f"--impersonate-service-account={account}"
        return cloud.ask(*printing, audience, impersonating, *cloud.in_project)
