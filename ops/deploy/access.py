"""Who may call a service."""

from __future__ import annotations

from cli.function_table import DeployedFunction
from ops.deploy.cloud import Cloud
from ops.deploy.commands import CommandFailed, failing_as

EVERYBODY = "allUsers"
CALLER = "roles/run.invoker"


def is_public(cloud: Cloud, service: str) -> bool:
    """Whether everybody may call it."""
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
    """Lets everybody call it, or only those who have the role, as PUBLIC says."""
    wanted = cloud.settings.of(function, "PUBLIC") == "true"
    if is_public(cloud, service) == wanted:
        return
    # Not by a flag of `run deploy`, which only warns where it could not, and says that all went well.
    verb = "add" if wanted else "remove"
    with failing_as(f"{function.name}: who may call {service} could not be changed"):
        cloud.change(
            *("run", "services", f"{verb}-iam-policy-binding", service, f"--member={EVERYBODY}", f"--role={CALLER}"),
            *cloud.in_region,
        )


def identity_token(cloud: Cloud, function: DeployedFunction) -> str:
    """What a service that is closed to the public knows us by."""
    active = ("auth", "list", "--filter=status:ACTIVE", "--format=value(account)")
    account = cloud.ask(*active, supposed="DEPLOYER.iam.gserviceaccount.com")
    printing = ("auth", "print-identity-token")
    if not account.endswith(".gserviceaccount.com"):
        return cloud.ask(*printing, *cloud.in_project, supposed="TOKEN")
    # A service account's token must name the service, also where a revision's own address is asked; a user's cannot.
    audience = f"--audiences={cloud.service_url(function)}"
    try:
        return cloud.ask(*printing, audience, *cloud.in_project, supposed="TOKEN")
    except CommandFailed:
        # Whom workload identity federation has made a service account gets one only as if it were another's.
        impersonating = f"--impersonate-service-account={account}"
        return cloud.ask(*printing, audience, impersonating, *cloud.in_project)
