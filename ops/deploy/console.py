"""Upload the built console: files named by their content first, then the pages that load them."""

from __future__ import annotations

from pathlib import Path

import click

from ops.deploy.cloud import Cloud
from ops.deploy.commands import ROOT, Failure, say
from ops.deploy.settings_table import SETTINGS
from ops.deploy.storefront import FOR_EVER

BUILT = ROOT / "console" / "dist"
FOLDER = "console"

HOW_TO_BUILD = "make console builds it"

# A page is asked for anew each time: it names the newest files.
ALWAYS_NEW = ("--cache-control=no-cache",)


def upload_console(cloud: Cloud) -> None:
    """Upload console/dist to BUCKET, from where the front door serves it beside the functions.

    A bucket's own address belongs to every bucket in the world: a page there would share what it keeps with strangers'.
    """
    bucket, domain = cloud.settings["BUCKET"], cloud.settings["DOMAIN"]
    if not bucket:
        raise Failure(f"BUCKET is unset; allowed: {SETTINGS['BUCKET'].allowed}")
    if not domain:
        raise Failure("DOMAIN is unset: the console needs an address of its own, which front-door makes")
    if not _is_built():
        raise Failure(f"the console is not built; {HOW_TO_BUILD}")

    def upload(flags: tuple[str, ...], kind: str, folder: str, *files: Path) -> None:
        given = (*flags, "--gzip-local-all", f"--content-type={kind}")
        cloud.change("storage", "cp", *given, *map(str, files), f"gs://{bucket}/{folder}/", *cloud.in_project)

    upload(FOR_EVER, "text/javascript", f"{FOLDER}/files", *sorted(BUILT.glob("files/*.js")))
    upload(FOR_EVER, "text/css", f"{FOLDER}/files", *sorted(BUILT.glob("files/*.css")))
    upload(ALWAYS_NEW, "text/html", FOLDER, *sorted(BUILT.glob("*.html")))
    click.echo(f"console            https://{domain}/{FOLDER}/")


def upload_console_if_built(cloud: Cloud) -> None:
    """Upload it, or say why not: a deployment of functions does not fail for a page."""
    if _is_built():
        upload_console(cloud)
    else:
        say(f"the console is not uploaded, because it is not built; {HOW_TO_BUILD}, then ./deploy.sh console")


def _is_built() -> bool:
    return (BUILT / "headers.json").is_file()
