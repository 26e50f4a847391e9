"""The front door's URL map, as data: which path goes to which backend.

Each function has two paths, its name and a neutral one, and sees what is behind them as its own: `/track_view/_ready`
reaches it as `/_ready`. Functions know both prefixes, so a balancer that leaves them on would do as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cli.function_table import FUNCTIONS
from ops.deploy.files import FILES, PAGES, backend_buckets
from ops.deploy.settings import Settings

NAME = "popups-front-door"
REDIRECT = "popups-to-https"
API = "https://www.googleapis.com/compute/v1/projects"

Rule = dict[str, Any]


def backend_service(settings: Settings, name: str) -> str:
    """Return the name of a function's backend service."""
    return f"popups-{settings.service(FUNCTIONS[name])}"


def url_map(settings: Settings) -> dict[str, Any]:
    """Return the map: functions by their paths, everything else from the bucket."""
    base = f"{API}/{settings['PROJECT']}/global"
    rules = list(_function_rules(settings, f"{base}/backendServices"))
    default = rules[0]["service"]
    if settings["BUCKET"]:
        default = f"{base}/backendBuckets/{FILES}"
        rules += _console_rules(f"{base}/backendBuckets")
    numbered = [{"priority": priority, **rule} for priority, rule in enumerate(rules, 1)]
    return {
        "name": NAME,
        "defaultService": default,
        "hostRules": [{"hosts": [settings["DOMAIN"]], "pathMatcher": "paths"}],
        "pathMatchers": [{"name": "paths", "defaultService": default, "routeRules": numbered}],
    }


def redirect_map() -> dict[str, Any]:
    """Return the map behind port 80, which sends everybody to https."""
    return {
        "name": REDIRECT,
        "defaultUrlRedirect": {"httpsRedirect": True, "redirectResponseCode": "PERMANENT_REDIRECT"},
    }


def _function_rules(settings: Settings, services: str) -> Iterator[Rule]:
    for name, function in FUNCTIONS.items():
        for path in (name, function.service):
            yield {
                "matchRules": [{"fullPathMatch": f"/{path}"}, {"prefixMatch": f"/{path}/"}],
                "service": f"{services}/{backend_service(settings, name)}",
                "routeAction": {"urlRewrite": {"pathPrefixRewrite": "/"}},
            }


def _console_rules(buckets: str) -> Iterator[Rule]:
    """Yield the rules of the console's pages, which have headers of their own; its other files need no rule."""
    for page, bucket in PAGES.items():
        if bucket not in backend_buckets():
            return
        yield {"matchRules": [{"fullPathMatch": f"/console/{page}"}], "service": f"{buckets}/{bucket}"}
    yield {
        "matchRules": [{"fullPathMatch": "/console/"}],
        "service": f"{buckets}/{PAGES['index.html']}",
        "routeAction": {"urlRewrite": {"pathPrefixRewrite": "/console/index.html"}},
    }
    yield {
        "matchRules": [{"fullPathMatch": "/console"}],
        "urlRedirect": {"pathRedirect": "/console/", "redirectResponseCode": "FOUND"},
    }
