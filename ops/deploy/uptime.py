"""A function's uptime check: asks /_ready each minute, whose log line has migration, partitions and connections."""

from __future__ import annotations

from cli.function_table import DeployedFunction
from ops.deploy.cloud import Cloud

# Three regions are the minimum. From all six, the checks of all functions would exceed the free quota.
REGIONS = "--regions=europe,usa-virginia,asia-pacific"


def apply_uptime_check(cloud: Cloud, function: DeployedFunction) -> None:
    """Create the check for the function's present address, or delete it if the function is not public."""
    title, checks = f"popups {function.name} is ready", ("monitoring", "uptime")
    fields = "--format=csv[no-heading](name,monitoredResource.labels.host)"
    known = cloud.ask(*checks, "list-configs", f"--filter=displayName='{title}'", fields, *cloud.in_project)
    name, _, checked_host = known.partition(",")
    host = _host_to_check(cloud, function)
    if checked_host == host:
        return
    # A check's address cannot be changed, and one of a service that is not public or was renamed would fire the alert.
    if name:
        cloud.change(*checks, "delete", name, *cloud.in_project)
    if host:
        labels = f"--resource-labels=host={host},project_id={cloud.settings['PROJECT']}"
        asking = ("--resource-type=uptime-url", labels, "--protocol=https", "--path=/_ready", "--period=1", REGIONS)
        cloud.change(*checks, "create", title, *asking, *cloud.in_project)


def _host_to_check(cloud: Cloud, function: DeployedFunction) -> str:
    """Return the host to check, or an empty string if the function is not deployed or not public."""
    if cloud.settings.of(function, "PUBLIC") != "true" or not cloud.deployed_service(cloud.service(function)):
        return ""
    return cloud.service_url(function).partition("://")[2]
