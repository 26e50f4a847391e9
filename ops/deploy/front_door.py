"""The front door: one https address for all functions, the storefront script and the console, with a CDN.

A global external Application Load Balancer. Running it again changes nothing that is as it should be; `remove` takes
everything away again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import click

from cli.function_table import FUNCTIONS
from ops.deploy.cloud import Cloud
from ops.deploy.commands import Failure, say
from ops.deploy.console import HOW_TO_BUILD
from ops.deploy.files import FILES, PAGES, backend_buckets
from ops.deploy.settings import Settings
from ops.deploy.settings_table import SETTINGS
from ops.deploy.url_map import NAME, REDIRECT, backend_service, redirect_map, url_map

GLOBAL = ("--global",)
EXTERNAL = "--load-balancing-scheme=EXTERNAL_MANAGED"
PREMIUM = "--network-tier=PREMIUM"
# The answer tells how long it may be kept. It depends on these two parameters and no others.
CDN = ("--enable-cdn", "--cache-mode=USE_ORIGIN_HEADERS", "--cache-key-query-string-whitelist=shop_id,rules")
ARMOR_RULE = "1000"


@dataclass(frozen=True)
class Resource:
    """A resource of Compute Engine: what it is made with, and what is set again in each run."""

    kind: str
    name: str
    made_with: tuple[str, ...] = ()
    set_again: tuple[str, ...] = ()
    place: tuple[str, ...] = GLOBAL
    listed_with: tuple[str, ...] = GLOBAL


def open_front_door(cloud: Cloud) -> None:
    _check(cloud)
    for resource in _resources(cloud.settings):
        if resource.kind == "url-maps":
            _import(cloud, redirect_map() if resource.name == REDIRECT else url_map(cloud.settings))
            continue
        _apply(cloud, resource)
        if resource.kind == "security-policies":
            _limit(cloud, resource.name)
        elif resource.kind == "backend-services":
            _add_backend(cloud, resource.name)
    _print_addresses(cloud)


def _apply(cloud: Cloud, resource: Resource) -> None:
    def change(verb: str, flags: tuple[str, ...]) -> None:
        cloud.change("compute", resource.kind, verb, resource.name, *flags, *resource.place, *cloud.in_project)

    if not _exists(cloud, resource):
        change("create", resource.made_with)
    if resource.set_again:
        change("update", resource.set_again)


def close_front_door(cloud: Cloud) -> None:
    """Remove everything, what leads to others first."""
    if cloud.settings["INGRESS"] == "internal-and-cloud-load-balancing":
        raise Failure(
            "INGRESS lets nobody reach the functions but through the front door; set it to all and deploy all first"
        )
    for resource in reversed(list(_resources(cloud.settings, whatever=True))):
        if _exists(cloud, resource):
            cloud.change("compute", resource.kind, "delete", resource.name, *resource.place, *cloud.in_project)


def _resources(settings: Settings, *, whatever: bool = False) -> Iterator[Resource]:
    """Yield them in the order in which they can be made. `whatever`: also what these settings do not ask for."""
    yield Resource("addresses", NAME, ("--ip-version=IPV4", PREMIUM))
    armed = bool(settings["ARMOR_PER_MINUTE"])
    if armed or whatever:
        yield Resource("security-policies", NAME, ("--type=CLOUD_ARMOR",), place=(), listed_with=())
    policy = f"--security-policy={NAME if armed else ''}"
    region = settings["REGION"]
    for name, function in FUNCTIONS.items():
        service = backend_service(settings, name)
        of_service = ("--network-endpoint-type=serverless", f"--cloud-run-service={settings.service(function)}")
        group = (f"--region={region}",), (f"--regions={region}",)
        yield Resource("network-endpoint-groups", service, of_service, place=group[0], listed_with=group[1])
        cached = CDN if name == "get_active_popups" else ("--no-enable-cdn",)
        yield Resource("backend-services", service, (EXTERNAL,), (*cached, policy))
    yield from _buckets(settings, whatever=whatever)
    yield from _entrances(settings)


def _buckets(settings: Settings, *, whatever: bool) -> Iterator[Resource]:
    serving = (f"--gcs-bucket-name={settings['BUCKET']}", "--enable-cdn", "--cache-mode=USE_ORIGIN_HEADERS")
    for bucket in (FILES, *PAGES.values()):
        headers = backend_buckets().get(bucket, [])
        if whatever or (settings["BUCKET"] and headers):
            with_headers = tuple(f"--custom-response-header={header}" for header in headers)
            yield Resource("backend-buckets", bucket, serving, (*serving, *with_headers), place=(), listed_with=())


def _entrances(settings: Settings) -> Iterator[Resource]:
    certificate = f"{NAME}-{hashlib.sha256(settings['DOMAIN'].encode()).hexdigest()[:8]}"
    yield Resource("url-maps", NAME)
    yield Resource("ssl-certificates", certificate, (f"--domains={settings['DOMAIN']}",))
    leading = (f"--url-map={NAME}", f"--ssl-certificates={certificate}")
    yield Resource("target-https-proxies", NAME, leading, leading)
    entering = (EXTERNAL, PREMIUM, f"--address={NAME}")
    yield Resource("forwarding-rules", NAME, (*entering, f"--target-https-proxy={NAME}", "--ports=443"))
    yield Resource("url-maps", REDIRECT)
    yield Resource("target-http-proxies", REDIRECT, (f"--url-map={REDIRECT}",))
    yield Resource("forwarding-rules", REDIRECT, (*entering, f"--target-http-proxy={REDIRECT}", "--ports=80"))


def _check(cloud: Cloud) -> None:
    if not cloud.settings["DOMAIN"]:
        raise Failure(f"DOMAIN is unset; allowed: {SETTINGS['DOMAIN'].allowed}")
    for function in FUNCTIONS.values():
        if not cloud.deployed_service(cloud.service(function)):
            raise Failure(f"{function.name} is not deployed; deploy all first")


def _exists(cloud: Cloud, resource: Resource) -> bool:
    listing = ("compute", resource.kind, "list", f"--filter=name={resource.name}", "--format=value(name)")
    return bool(cloud.ask(*listing, *resource.listed_with, *cloud.in_project))


def _import(cloud: Cloud, content: dict[str, Any]) -> None:
    file = cloud.folder / f"{content['name']}.yaml"
    file.write_text(json.dumps(content, indent=1))  # JSON is YAML
    cloud.change("compute", "url-maps", "import", content["name"], f"--source={file}", *GLOBAL, *cloud.in_project)


def _limit(cloud: Cloud, policy: str) -> None:
    """Let Cloud Armor answer 429 to addresses above ARMOR_PER_MINUTE, before a request costs anything else."""
    describing = ("compute", "security-policies", "describe", policy, "--format=value(rules.priority)")
    known = ARMOR_RULE in cloud.ask(*describing, *cloud.in_project).replace(";", " ").split()
    cloud.change(
        *("compute", "security-policies", "rules", "update" if known else "create", ARMOR_RULE),
        f"--security-policy={policy}",
        "--src-ip-ranges=*",
        "--action=throttle",
        f"--rate-limit-threshold-count={cloud.settings['ARMOR_PER_MINUTE']}",
        "--rate-limit-threshold-interval-sec=60",
        "--conform-action=allow",
        "--exceed-action=deny-429",
        "--enforce-on-key=IP",
        *cloud.in_project,
    )


def _add_backend(cloud: Cloud, service: str) -> None:
    describing = ("compute", "backend-services", "describe", service, "--format=value(backends[].group)")
    if not cloud.ask(*describing, *GLOBAL, *cloud.in_project):
        group = (f"--network-endpoint-group={service}", f"--network-endpoint-group-region={cloud.settings['REGION']}")
        cloud.change("compute", "backend-services", "add-backend", service, *group, *GLOBAL, *cloud.in_project)


def _print_addresses(cloud: Cloud) -> None:
    domain = cloud.settings["DOMAIN"]
    reading = ("compute", "addresses", "describe", NAME, "--format=value(address)")
    ip = cloud.ask(*reading, *GLOBAL, *cloud.in_project, supposed="ADDRESS")
    click.echo(f"{domain}  A  {ip}")
    for name in FUNCTIONS:
        click.echo(f"{name:<18} https://{domain}/{name}  https://{domain}/{FUNCTIONS[name].service}")
    if cloud.settings["BUCKET"]:
        click.echo(f"storefront script  https://{domain}/storefront.js")
        if set(PAGES.values()) <= set(backend_buckets()):
            click.echo(f"console            https://{domain}/console/")
        else:
            say(f"/console/ leads nowhere, because the console is not built; {HOW_TO_BUILD}, then front-door once more")
    say("with that A record the certificate is issued within the hour, and only then https answers")
    if cloud.settings["INGRESS"] == "all":
        say("the functions' own addresses are still open beside it, until INGRESS=internal-and-cloud-load-balancing")
