"""The storefront script: minified, named after its content, and never changed once it is up."""

from __future__ import annotations

from pathlib import Path

import click

from ops.deploy.cloud import Cloud
from ops.deploy.commands import Failure
from ops.deploy.settings_table import SETTINGS

CACHE_CONTROL = "public, max-age=31536000, immutable"


def upload_storefront(cloud: Cloud) -> None:
    bucket = cloud.settings["BUCKET"]
    if not bucket:
        raise Failure(f"BUCKET is unset; allowed: {SETTINGS['BUCKET'].allowed}")
    file = _build(cloud.folder / "storefront")
    # A name is given once: --no-clobber makes a second upload of the same content do nothing.
    kept = ("--no-clobber", "--gzip-local-all", "--content-type=text/javascript", f"--cache-control={CACHE_CONTROL}")
    cloud.change("storage", "cp", *kept, str(file), f"gs://{bucket}/", *cloud.in_project)
    click.echo(f"storefront script  https://storage.googleapis.com/{bucket}/{file.name}")


def _build(folder: Path) -> Path:
    from storefront.build import write  # brings in the minifier, which no other command needs

    try:
        return write(folder)
    except ValueError as error:
        raise Failure(f"the storefront script was not built: {error}") from None
