"""A service's revisions, by tag, and which one has the traffic.

Traffic tags mark a revision's state: `candidate` has not passed /_ready yet, `previous` had the traffic before. The
first revision of a service has the traffic from the start, but is also a candidate until it passes, so that the next
run can finish an interrupted one.
"""

from __future__ import annotations

from dataclasses import dataclass

from cli.function_table import DeployedFunction
from ops.deploy.cloud import Cloud
from ops.deploy.commands import Failure, failing_as, say

FIELDS = ("percent", "tag", "revisionName", "url")


@dataclass
class Traffic:
    """Names of revisions, empty if there is none. `proven`: the revision with the traffic has passed /_ready."""

    serving: str = ""
    previous: str = ""
    candidate: str = ""
    candidate_url: str = ""
    proven: bool = False


def read_traffic(cloud: Cloud, service: str) -> Traffic:
    with failing_as(f"the services of {cloud.settings['PROJECT']} cannot be listed"):
        exists = cloud.deployed_service(service)
    if not exists:
        return Traffic()
    with failing_as(f"the service {service} cannot be read"):
        targets = _describe(cloud, service)
    traffic = Traffic()
    for percent, tag, revision, url in (line.split(",") for line in targets.splitlines()):
        traffic.proven |= bool(percent)
        if percent == "100":
            traffic.serving = revision
        if tag == "candidate":
            traffic.candidate, traffic.candidate_url = revision, url
        elif tag == "previous":
            traffic.previous = revision
    if traffic.serving and traffic.serving == traffic.candidate:
        traffic.proven = False
    return traffic


def _describe(cloud: Cloud, service: str) -> str:
    """Return the traffic as percent,tag,revision,url lines."""
    fields = ",".join(f"status.traffic.{field}" for field in FIELDS)
    supposed = (
        f"100,,{service}-SERVING,\n,previous,{service}-PREVIOUS,\n"
        f",candidate,{service}-CANDIDATE,https://candidate---{service}"
    )
    describing = ("run", "services", "describe", service, "--flatten=status.traffic[]")
    return cloud.ask(*describing, f"--format=csv[no-heading]({fields})", *cloud.in_region, supposed=supposed)


def give_traffic(cloud: Cloud, service: str, revision: str, *, previous: str = "") -> None:
    """Give a revision all traffic. `previous` is tagged as the revision before, for a rollback."""
    tags = f"--set-tags=previous={previous}" if previous else "--clear-tags"
    cloud.change("run", "services", "update-traffic", service, f"--to-revisions={revision}=100", tags, *cloud.in_region)


def roll_back(cloud: Cloud, function: DeployedFunction) -> None:
    service = cloud.service(function)
    traffic = read_traffic(cloud, service)
    if not (traffic.previous and traffic.serving):
        raise Failure(f"{function.name} has no revision that had the traffic before")
    give_traffic(cloud, service, traffic.previous, previous=traffic.serving)
    say(f"{function.name}: {traffic.previous} has the traffic again, {traffic.serving} had it before")
