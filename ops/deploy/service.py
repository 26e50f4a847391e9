"""The configuration of a function's service: size, environment, secrets and network."""

from __future__ import annotations

from cli.function_table import DeployedFunction
from ops.deploy.bundle import BUILD_ENVIRONMENT
from ops.deploy.environment import SEPARATOR, cloud_sql_instances, secrets, variables
from ops.deploy.settings import Settings

PROBE = "httpGet.path=/_health"
SIZE = ("--base-image=python313", "--memory=512Mi", "--cpu=1", "--cpu-boost", "--timeout=300s")
PROBES = (
    f"--startup-probe={PROBE},periodSeconds=1,timeoutSeconds=1,failureThreshold=60",
    f"--liveness-probe={PROBE},periodSeconds=10,timeoutSeconds=5,failureThreshold=3",
)


def deploy_flags(settings: Settings, function: DeployedFunction) -> list[str]:
    """Return the deployment's flags. They are complete, so that a removed setting is also removed from the service."""
    throttling = settings.of(function, "CPU_THROTTLING") == "true"
    return [
        f"--function={function.name}",
        f"--set-build-env-vars={BUILD_ENVIRONMENT}",
        *SIZE,
        f"--min={settings.of(function, 'MIN_INSTANCES')}",
        f"--max-instances={settings.of(function, 'MAX_INSTANCES')}",
        f"--concurrency={settings.of(function, 'CONCURRENCY')}",
        *PROBES,
        f"--ingress={settings['INGRESS']}",
        f"--service-account={settings.account(function)}",
        f"--set-env-vars=^{SEPARATOR}^{SEPARATOR.join(pairs(variables(settings, function)))}",
        "--cpu-throttling" if throttling else "--no-cpu-throttling",
        _flag("secrets", pairs(secrets(settings, function))),
        _flag("cloudsql-instances", cloud_sql_instances(settings, function)),
        *network_flags(settings),
    ]


def pairs(values: dict[str, str]) -> list[str]:
    return [f"{name}={text}" for name, text in values.items()]


def _flag(name: str, values: list[str]) -> str:
    return f"--set-{name}={','.join(values)}" if values else f"--clear-{name}"


def network_flags(settings: Settings, *, everything: bool = False) -> list[str]:
    """Return the flags that lead what goes to private addresses, or everything, through NETWORK."""
    if not settings["NETWORK"]:
        return ["--clear-network"]
    egress = "all-traffic" if everything else "private-ranges-only"
    subnet = [f"--subnet={settings['SUBNET']}"] if settings["SUBNET"] else []
    return [f"--network={settings['NETWORK']}", f"--vpc-egress={egress}", *subnet]
