"""The steps that need the database: from this machine, or in the admin job where only that reaches it (MIGRATE_IN)."""

from __future__ import annotations

from cli.function_table import FUNCTIONS
from ops.deploy.admin import run_inside
from ops.deploy.cloud import Cloud
from ops.deploy.commands import beside_python, failing_as
from ops.deploy.database_environment import environ_here


def migrate(cloud: Cloud) -> None:
    with failing_as("a migration failed; nothing was deployed"):
        _popups(cloud, "migrate")


def check_connections(cloud: Cloud) -> None:
    """Check the connections of all functions, not only of those deployed now, since they share the database."""
    counts = (
        int(cloud.settings.of(each, "MAX_INSTANCES")) * int(cloud.settings.of(each, "DB_POOL_MAX"))
        for each in FUNCTIONS.values()
    )
    with failing_as("nothing was deployed: the connections do not fit, or the database did not say"):
        _popups(cloud, "connections", f"--wanted={sum(counts)}", f"--reserve={cloud.settings['DB_RESERVE']}")


def recount(cloud: Cloud) -> None:
    """Make every tally what the events say. What was deployed stays when it fails."""
    with failing_as("the tallies were not recounted; what was deployed stays. Run it again: popups recount"):
        _popups(cloud, "recount")


def shop_ids(cloud: Cloud) -> list[str]:
    """Return the id of every shop in the database."""
    with failing_as("the database did not tell its shops"):
        words = (beside_python("python"), "-m", "ops.deploy.shop_ids")
        return cloud.commands.ask(*words, environ=environ_here(cloud)).split()


def _popups(cloud: Cloud, *arguments: str) -> None:
    if cloud.settings["MIGRATE_IN"] == "job":
        run_inside(cloud, *arguments)
    else:
        cloud.commands.change(beside_python("popups"), *arguments, environ=environ_here(cloud))
