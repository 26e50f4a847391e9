"""Apply the files of ops/monitoring/: create each resource, or update it to the file."""

from __future__ import annotations

import json
from pathlib import Path

from cli.function_table import FUNCTIONS
from ops.deploy.cloud import Cloud
from ops.deploy.commands import ROOT, say
from ops.deploy.settings_table import SETTINGS
from ops.deploy.uptime import apply_uptime_check

FOLDER = ROOT / "ops/monitoring"


def apply_monitoring(cloud: Cloud) -> None:
    for file in sorted((FOLDER / "metrics").glob("*.json")):
        _apply_metric(cloud, file)
    _apply_dashboard(cloud, FOLDER / "dashboard.json")
    for file in sorted((FOLDER / "alerts").glob("*.json")):
        _apply_alert(cloud, file)
    for function in FUNCTIONS.values():
        apply_uptime_check(cloud, function)
    if not cloud.settings["NOTIFICATION_CHANNELS"]:
        allowed = SETTINGS["NOTIFICATION_CHANNELS"].allowed
        say(f"NOTIFICATION_CHANNELS is unset: the alerts tell NOBODY; allowed: {allowed}")


def _apply_metric(cloud: Cloud, file: Path) -> None:
    """Create or update the metric that the file is named after."""
    name = file.stem
    listing = ("logging", "metrics", "list", f"--filter=name={name}", "--format=value(name)")
    verb = "update" if cloud.ask(*listing, *cloud.in_project) else "create"
    configuration = f"--config-from-file={_for_these_services(cloud, file)}"
    cloud.change("logging", "metrics", verb, name, configuration, *cloud.in_project)


def _apply_dashboard(cloud: Cloud, file: Path) -> None:
    """Update the dashboard in place if it exists, since people bookmark its URL."""
    copy, dashboards = _for_these_services(cloud, file), ("monitoring", "dashboards")
    known = _titled_like(cloud, file, *dashboards)
    if not known:
        cloud.change(*dashboards, "create", f"--config-from-file={copy}", *cloud.in_project)
        return
    # An update must name the etag of what it replaces.
    etag = cloud.ask(*dashboards, "describe", known, "--format=value(etag)", *cloud.in_project, supposed="ETAG")
    copy.write_text(json.dumps({"etag": etag, **json.loads(copy.read_text())}))
    cloud.change(*dashboards, "update", known, f"--config-from-file={copy}", *cloud.in_project)


def _apply_alert(cloud: Cloud, file: Path) -> None:
    policies, channels = ("alpha", "monitoring", "policies"), cloud.settings["NOTIFICATION_CHANNELS"]
    known = _titled_like(cloud, file, *policies)
    policy = f"--policy-from-file={_for_these_services(cloud, file)}"
    # The file replaces the whole policy and has no channels: without the flag nobody would be notified.
    flag = "--set-notification-channels" if known else "--notification-channels"
    notified = [f"{flag}={channels}"] if channels else []
    verb = ("update", known) if known else ("create",)
    cloud.change(*policies, *verb, policy, *notified, *cloud.in_project)


def _titled_like(cloud: Cloud, file: Path, *kind: str) -> str:
    """Return the name of the resource with the file's title, or an empty string."""
    title = json.loads(file.read_text())["displayName"]
    return cloud.ask(*kind, "list", f"--filter=displayName='{title}'", "--format=value(name)", *cloud.in_project)


def _for_these_services(cloud: Cloud, file: Path) -> Path:
    """Return a copy of the file with this project's service names and domain."""
    services = "|".join(cloud.service(function) for function in FUNCTIONS.values())
    domain = cloud.settings["DOMAIN"].replace(".", "[.]") or "no front door"
    copy = cloud.folder / f"{file.parent.name}-{file.name}"
    copy.write_text(file.read_text().replace("SERVICES", services).replace("DOMAIN", domain))
    return copy
