"""Deploy a new revision, check its readiness, and give it the traffic.

The label `release` is the deployment's fingerprint, by which a second run detects that nothing has changed.
"""

from __future__ import annotations

from cli.function_table import DeployedFunction
from ops.deploy.access import set_access
from ops.deploy.bundle import fingerprint, stage
from ops.deploy.cloud import Cloud
from ops.deploy.commands import Failure, failing_as, say
from ops.deploy.readiness import await_ready
from ops.deploy.service import deploy_flags
from ops.deploy.traffic import Traffic, give_traffic, read_traffic


def deploy_function(cloud: Cloud, function: DeployedFunction) -> bool:
    """Deploy the function unless nothing has changed. Return whether another revision has the traffic now."""
    service, name = cloud.service(function), function.name
    bundle = cloud.folder / name
    stage(function, bundle)
    release = fingerprint(bundle, [service, *deploy_flags(cloud.settings, function)])
    traffic = read_traffic(cloud, service)
    if not (traffic.serving and _is_release(cloud, traffic.serving, release)):
        say(f"{name}: deploying release {release} to {service}")
        _bring_candidate(cloud, function, traffic, f"--source={bundle}", f"--labels=release={release}")
        _prove_candidate(cloud, function, read_traffic(cloud, service))
    elif not traffic.proven:
        say(f"{name}: nothing has changed, but {traffic.serving} has yet to answer /_ready")
        _prove_candidate(cloud, function, traffic)
    else:
        say(f"{name}: nothing has changed, {traffic.serving} goes on")
        set_access(cloud, function, service)
        return False
    return True


def _bring_candidate(cloud: Cloud, function: DeployedFunction, traffic: Traffic, *flags: str) -> None:
    """Deploy a revision that gets no public traffic."""
    service = cloud.service(function)
    # A new service's first revision always gets the traffic, so the service is not public until it is ready.
    apart = "--no-traffic" if traffic.proven else "--no-allow-unauthenticated"
    all_flags = (*flags, *deploy_flags(cloud.settings, function), apart, "--tag=candidate")
    with failing_as(f"{function.name} was not deployed; {_what_holds(service, traffic)}"):
        cloud.change("run", "deploy", service, *all_flags, *cloud.in_region)


def _prove_candidate(cloud: Cloud, function: DeployedFunction, traffic: Traffic) -> None:
    """Give the candidate the traffic once it is ready, and remove its tag."""
    service = cloud.service(function)
    if not await_ready(cloud, function, traffic.candidate_url):
        holds = _what_holds(service, traffic)
        raise Failure(f"{function.name}: {traffic.candidate} does not answer /_ready; {holds}")
    set_access(cloud, function, service)
    previous = traffic.serving if traffic.serving != traffic.candidate else ""
    give_traffic(cloud, service, traffic.candidate, previous=previous)


def _what_holds(service: str, traffic: Traffic) -> str:
    """Return a description of what serves the traffic after a failed deployment."""
    if traffic.proven:
        return f"{traffic.serving or 'what had the traffic'} goes on"
    return f"its service {service} stays closed to the public"


def _is_release(cloud: Cloud, revision: str, release: str) -> bool:
    describing = ("run", "revisions", "describe", revision, "--format=value(metadata.labels.release)")
    with failing_as(f"the revision {revision} cannot be read"):
        return cloud.ask(*describing, *cloud.in_region) == release
