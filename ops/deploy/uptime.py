"""A function's uptime check: asks /_ready each minute, whose log line has migration, partitions and connections."""

from __future__ import annotations

from cli.function_table import DeployedFunction
from ops.deploy.cloud import Cloud

# Three regions are the minimum. From all six, the checks of all functions would exceed the free quota.
REGIONS = "--regions=europe,usa-virginia,asia-pacific"


def apply_uptime_check(cloud: Cloud, function: DeployedFunction) -> None:
    """Create the check for the function's present address, or delete it if the function is not public."""
    title, checks = f"popups {function.name} is ready", ("monitoring", "uptime")
    fields = "--format=csv[no-heading](name,monitoredResource.labels.host,httpCheck.path)"
    known = cloud.ask(*checks, "list-configs", f"--filter=displayName='{title}'", fields, *cloud.in_project)
    name, _, checked = known.partition(",")
    host, path = _address_to_check(cloud, function)
    if checked == (f"{host},{path}" if host else ""):
        return
    # A check's address cannot be changed, and one of a service that is not public or was renamed would fire the alert.
    if name:
        cloud.change(*checks, "delete", name, *cloud.in_project)
    if host:
        labels = f"--resource-labels=host={host},project_id={cloud.settings['PROJECT']}"
        asking = ("--resource-type=uptime-url", labels, "--protocol=https", f"--path={path}", "--period=1", REGIONS)
        cloud.change(*checks, "create", title, *asking, *cloud.in_project)


def _address_to_check(cloud: Cloud, function: DeployedFunction) -> tuple[str, str]:
    """Return host and path, or empty strings if the function is not deployed, not public, or out of reach.

    Where its own address is closed, the check comes the shoppers' way, through the balancer.
    """
    settings = cloud.settings
    is_public = settings.of(function, "PUBLIC") == "true" and settings["INGRESS"] != "internal"
    if not is_public or not cloud.deployed_service(cloud.service(function)):
        return "", ""
    if settings.is_closed:
        return settings["DOMAIN"], f"/{function.name}/_ready"
    return cloud.service_url(function).partition("://")[2], "/_ready"
