"""The `popups` command. Each subcommand is implemented in its own module; this one defines arguments and options."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from cli import shop_data, shops
from cli import warm as warming
from cli.connection import open_connection
from cli.connections import check_connections
from cli.dev.child import StartError
from cli.platforms.reconcile import reconcile, reconcile_all
from cli.ready import await_ready
from cli.schema import migrate as migrations
from cli.schema.grant import grant
from cli.schema.partitions import make_partitions
from cli.upkeep import recount as recounting
from cli.upkeep import retain as retention
from cli.upkeep.retain import MAX_DAYS
from common import logs
from common.config import settings
from common.postgres.driver import Connection
from common.shop.api_keys import RIGHTS

PENDING = 3
"""Exit code of `popups migrate --status` if migrations are pending, for scripts."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def popups(context: click.Context) -> None:
    """Run exit-intent popups: on this machine for development, and for the database the environment names."""
    if context.invoked_subcommand != "dev":
        logs.mute()  # a command prints its own error


@popups.command()
@click.option("--port", default=8080, show_default=True, type=click.IntRange(1, 65535), help="Where it answers.")
@click.option("--fresh", is_flag=True, help="Delete the data of earlier runs first.")
@click.option("--no-redis", is_flag=True, help="Keep the cache and limits in memory.")
@click.option("--no-history", is_flag=True, help="Leave out the second shop, which has a history of 60 days.")
@click.option(
    "--data",
    default=Path(".popups"),
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the data is kept between runs.",
)
def dev(port: int, fresh: bool, no_redis: bool, no_history: bool, data: Path) -> None:
    """Run everything here: an embedded Postgres and Valkey, the functions, the console and a demo store."""
    from cli.dev.start import run  # imports every function and the server, which no other command needs

    try:
        run(port, data, fresh=fresh, with_redis=not no_redis, with_history=not no_history)
    except StartError as error:
        raise click.ClickException(str(error)) from None


@popups.command()
@click.option("--status", is_flag=True, help=f"Only list migrations; exit code {PENDING} if any is pending.")
def migrate(status: bool) -> None:
    """Bring the database to the schema in sql/, and make the coming months' partitions.

    Safe to repeat, and to run twice at once.
    """
    try:
        with open_connection() as connection:
            if status:
                sys.exit(_show(migrations.status(connection)))
            if not migrations.migrate(connection, say=click.echo):
                click.echo("nothing to apply")
            with migrations.alone(connection, click.echo):
                make_partitions(connection, datetime.now(UTC), click.echo)
    except migrations.MigrationError as error:
        raise click.ClickException(str(error)) from None


@popups.command("grant")
@click.option("--app", multiple=True, metavar="USER", help="A user that functions sign in as; may be repeated.")
@click.option("--stats", multiple=True, metavar="USER", help="A user of `stats`, which only reads; may be repeated.")
def grant_rights(app: tuple[str, ...], stats: tuple[str, ...]) -> None:
    """Let functions read and write rows, and nothing else: no CREATE, no DROP. Run as the owner; safe to repeat."""
    with open_connection() as connection:
        grant(connection, app, stats)
    click.echo("granted")


@popups.command()
@click.option(
    "--wanted", required=True, type=click.IntRange(0), help="Connections that the functions may open together."
)
@click.option("--reserve", default=10, show_default=True, type=click.IntRange(0), help="Connections kept for others.")
def connections(wanted: int, reserve: int) -> None:
    """Check that the database has room for these connections, as deploy.sh does before each deployment."""
    with open_connection() as connection:
        click.echo(check_connections(connection, wanted, reserve))


@popups.command()
@click.option("--days", required=True, type=click.IntRange(1, MAX_DAYS), help="Delete older events, by whole months.")
def retain(days: int) -> None:
    """Make the coming months' partitions; delete old events and what deleted popups left. The statistics stay."""
    with open_connection() as connection:
        retention.retain(connection, days, say=click.echo)


@popups.command()
@click.argument("url")
@click.option("--audience", required=True, help="The service's address, for the identity token.")
@click.option("--seconds", default=180, show_default=True, type=click.IntRange(1, 3600), help="When to give up.")
def ready(url: str, audience: str, seconds: int) -> None:
    """Wait until URL, a revision's /_ready, answers 200. deploy.sh runs it in a job if it cannot reach URL itself."""
    if not await_ready(url, audience, seconds):
        raise click.ClickException(f"{url} does not answer 200")
    click.echo(f"{url} answers 200")


@popups.command()
@click.argument("shop_id", metavar="[SHOP]", required=False)
def recount(shop_id: str | None) -> None:
    """Make every tally of SHOP, or of all shops, what its stored events say.

    Runs beside traffic, in batches, and may be repeated. Needed after functions of two releases ran at once, during a
    deployment or a rollback; ./deploy.sh then runs it.
    """
    with open_connection() as connection:
        click.echo(f"changed {recounting.recount(connection, shop_id, say=click.echo)} tallies")


@popups.command()
def warm() -> None:
    """Fill the cache with the active popups of every shop. Exit code 1 if any could not be loaded."""
    if not settings().redis_url:
        click.echo("REDIS_URL is unset: there is no shared cache to fill")
        return
    outcomes = warming.warm()
    click.echo(", ".join(f"{count} {outcome}" for outcome, count in outcomes.items()))
    sys.exit(1 if outcomes[warming.FAILED] else 0)


def _show(listed: list[migrations.Migration]) -> int:
    for migration in listed:
        when = f"applied {migration.applied_at:%Y-%m-%d %H:%M} UTC" if migration.applied_at else "pending"
        click.echo(f"{migration.name}  {when}")
    return 0 if all(migration.applied_at for migration in listed) else PENDING


@popups.command("reconcile")
@click.argument("shop_id", metavar="[SHOP]", required=False)
@click.option("--all", "every", is_flag=True, help="Every shop that has an order source with an API, as each night.")
@click.option(
    "--since",
    default=lambda: (datetime.now(UTC) - timedelta(days=3)).strftime("%Y-%m-%d"),
    show_default="3 days ago",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    help="Read orders that changed since then, in UTC.",
)
def reconcile_orders(shop_id: str | None, since: datetime, every: bool) -> None:
    """Read the orders of SHOP from the APIs of its platforms, for webhooks that were lost. Safe to repeat.

    Order sources without an `api` are left out.
    """
    if bool(shop_id) == every:
        raise click.UsageError("Name a SHOP, or ask for --all.")
    with open_connection() as opened:
        connection = Connection(opened)
        if shop_id and not shops.shop_exists(connection, shop_id):
            raise click.ClickException(f"There is no shop {shop_id}")
        utc = since.replace(tzinfo=UTC)
        found = reconcile(connection, shop_id, utc) if shop_id else reconcile_all(connection, utc)
    for name, new in found.items():
        click.echo(f"{name}: {new} new")
    if not found:
        click.echo("There is no order source with an API.")


@popups.group()
def shop() -> None:
    """Create, list, export and delete shops."""


@shop.command("create")
@click.argument("shop_id", metavar="ID")
@click.option("--name", required=True, help="The name that people know.")
@click.option("--origin", "origins", multiple=True, help="An origin whose pages may report events; may be repeated.")
@click.option("--time-zone", default="UTC", show_default=True, help="An IANA name; reports use its days.")
@click.option("--currency", default="USD", show_default=True, help="An ISO 4217 code.")
def create_shop(shop_id: str, name: str, origins: tuple[str, ...], time_zone: str, currency: str) -> None:
    """Create the shop ID. Without --origin it takes events from every page."""
    with open_connection() as connection:
        shops.create_shop(
            Connection(connection),
            shop_id,
            name=name,
            time_zone=time_zone,
            currency=currency,
            allowed_origins=list(origins),
        )
    click.echo(f"created {shop_id}")


@shop.command("list")
def list_shops() -> None:
    """List the shops: id, day of creation and name, between tabs."""
    with open_connection() as connection:
        for line in shops.list_shops(Connection(connection)):
            click.echo(line)


@shop.command("export")
@click.argument("shop_id", metavar="ID")
def export_shop(shop_id: str) -> None:
    """Write everything of the shop ID to stdout: a line of JSON for each row, {"table": …, "row": {…}}.

    A consistent snapshot, without the hashes of its keys and without its secrets.
    """
    with open_connection() as connection:
        shop_data.export_shop(connection, shop_id, sys.stdout.buffer)


@shop.command("delete")
@click.argument("shop_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation. Without a terminal nothing is asked.")
def delete_shop(shop_id: str, yes: bool) -> None:
    """Delete the shop ID with everything of it, for good. Its keys stop working at once.

    In batches beside the traffic of other shops; an interrupted run can be repeated.
    """
    if not yes and sys.stdin.isatty():
        click.confirm(f"Delete {shop_id}, its popups, events, subscribers, orders and reports for good?", abort=True)
    with open_connection() as connection:
        shop_data.delete_shop(connection, shop_id, click.echo)
    click.echo(f"deleted {shop_id}")


@popups.group()
def key() -> None:
    """Create, list and revoke API keys."""


@key.command("create")
@click.argument("shop_id", metavar="SHOP")
@click.option("--rights", required=True, type=click.Choice(RIGHTS), help="What the key allows.")
@click.option("--name", default="", help="A name, to distinguish the shop's keys.")
@click.option(
    "--to-secret", metavar="NAME", help="Add it to this secret of GOOGLE_CLOUD_PROJECT instead of printing it."
)
def create_key(shop_id: str, rights: str, name: str, to_secret: str | None) -> None:
    """Create a key for SHOP and print it. Only its hash is stored, so it cannot be shown again."""
    with open_connection() as connection:
        if to_secret:
            click.echo(shops.create_key_in_secret(Connection(connection), shop_id, rights, name, to_secret))
        else:
            click.echo(shops.create_key(Connection(connection), shop_id, rights, name))


@key.command("list")
@click.argument("shop_id", metavar="SHOP")
def list_keys(shop_id: str) -> None:
    """List the keys of SHOP that work: id, prefix, rights, created, last used and name, between tabs."""
    with open_connection() as connection:
        for line in shops.list_keys(Connection(connection), shop_id):
            click.echo(line)


@key.command("revoke")
@click.argument("shop_id", metavar="SHOP")
@click.argument("key_id", metavar="KEY")
def revoke_key(shop_id: str, key_id: str) -> None:
    """Revoke the key of SHOP with this id or prefix, also its last one. It is refused everywhere within 2 seconds."""
    with open_connection() as connection:
        click.echo(f"revoked {shops.revoke_key(Connection(connection), shop_id, key_id)}")
