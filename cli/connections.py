"""Check that the database has room for the connections that the functions may open together."""

import click
from pg8000.core import CoreConnection

# Superusers keep a few for themselves.
SELECT_LIMIT = """
    SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
"""


def check_connections(connection: CoreConnection, wanted: int, reserve: int) -> str:
    """Return a line about the room that there is. Raises ClickException if there is too little."""
    limit = int(connection.execute_simple(SELECT_LIMIT).rows[0][0])
    has = f"the database has {limit} and keeps {reserve} (DB_RESERVE) for others"
    if wanted > limit - reserve:
        raise click.ClickException(
            f"MAX_INSTANCES x DB_POOL_MAX of all functions comes to {wanted} connections; {has}. "
            "Lower one, or give the database more"
        )
    if 2 * wanted > limit - reserve:
        return f"{wanted} connections fit, but not twice as many, for old and new instances of a deployment: {has}"
    return f"{wanted} connections fit twice, for old and new instances of a deployment: {has}"
