"""Print how many connections the environment's database allows to users other than superusers."""

import click

from cli.connection import open_connection

MAX_CONNECTIONS = """
    SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
"""

try:
    with open_connection() as connection:
        click.echo(connection.execute_simple(MAX_CONNECTIONS).rows[0][0])
except click.ClickException as error:
    raise SystemExit(error.message) from None
