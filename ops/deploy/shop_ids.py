"""Print the id of every shop in the environment's database, one per line."""

import click

from cli.connection import open_connection

try:
    with open_connection() as connection:
        for (shop_id,) in connection.execute_simple("SELECT id FROM shops ORDER BY id").rows:
            click.echo(shop_id)
except click.ClickException as error:
    raise SystemExit(error.message) from None
