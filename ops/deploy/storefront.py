"""Upload the built storefront script: immutable files named by content hash, and the newest under a stable name."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ops.deploy.cloud import Cloud
from ops.deploy.commands import ROOT, Failure
from ops.deploy.settings_table import SETTINGS

BUILT = ROOT / "storefront" / "dist"
CORS = Path(__file__).with_name("storefront_cors.json")

FOR_EVER = ("--cache-control=public, max-age=31536000, immutable", "--no-clobber")
FOR_MINUTES = ("--cache-control=public, max-age=300, stale-while-revalidate=86400",)


def upload_storefront(cloud: Cloud) -> None:
    bucket = cloud.settings["BUCKET"]
    if not bucket:
        raise Failure(f"BUCKET is unset; allowed: {SETTINGS['BUCKET'].allowed}")

    def upload(flags: tuple[str, ...], kind: str, *files: Path) -> None:
        given = (*flags, "--gzip-local-all", f"--content-type={kind}")
        cloud.change("storage", "cp", *given, *map(str, files), f"gs://{bucket}/", *cloud.in_project)

    # Other origins need CORS to fetch the second file and to check the first one's integrity.
    cloud.change("storage", "buckets", "update", f"gs://{bucket}", f"--cors-file={CORS}", *cloud.in_project)
    upload(FOR_EVER, "text/javascript", *sorted(BUILT.glob("storefront-*.js")))
    upload(FOR_EVER, "application/json", *sorted(BUILT.glob("storefront-*.map")))
    upload(FOR_MINUTES, "text/javascript", BUILT / "storefront.js")  # last, when the files that it loads are uploaded
    domain = cloud.settings["DOMAIN"]
    _print_addresses(f"https://{domain}" if domain else f"https://storage.googleapis.com/{bucket}")


def _print_addresses(address: str) -> None:
    names = json.loads((BUILT / "files.json").read_text())
    click.echo(f"storefront script  {address}/storefront.js")
    click.echo(f"this very version  {address}/{names['loader']}  integrity {names['integrity']}")
