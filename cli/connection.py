"""The command's connection to its database, and the errors if there is none."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import click
from pg8000.core import CoreConnection
from pg8000.exceptions import DatabaseError, InterfaceError

from common.config import Config, ConfigError, settings
from common.errors import DatabaseOutdated, DatabaseUnavailable
from common.postgres.connect import connect

OUTDATED = "The database lacks our tables: popups migrate makes them"
# SQLSTATEs of an undefined table and an undefined function.
NOT_MIGRATED = ("42P01", "42883")

# Since Postgres 14, on operating systems that support it.
CHECK_FOR_CLIENT = """
    SELECT set_config(name, '2s', false) FROM pg_settings WHERE name = 'client_connection_check_interval'
"""


@contextmanager
def open_connection(config: Config | None = None) -> Iterator[CoreConnection]:
    """Open a connection without a statement timeout to the database of `config`, by default the environment's.

    If this process dies, the server process ends within seconds, even in the middle of a statement.
    """
    try:
        connection = connect(config or settings(), limit_statements=False)
        connection.execute_simple(CHECK_FOR_CLIENT)
    except ConfigError as error:
        raise click.ClickException(str(error)) from None
    except DatabaseError as error:
        raise click.ClickException(f"The database refuses us: {error.args[0].get('M')}") from None
    except (InterfaceError, OSError) as error:
        raise click.ClickException(f"The database cannot be reached: {' '.join(str(error).split())}") from None
    try:
        yield connection
    except DatabaseOutdated:
        raise click.ClickException(OUTDATED) from None
    except DatabaseUnavailable:
        raise click.ClickException("The database is too busy or went away; what was done stays, run it again") from None
    except (InterfaceError, OSError):
        raise click.ClickException("The connection to the database broke; run the command again") from None
    except DatabaseError as error:
        if error.args[0].get("C") in NOT_MIGRATED:
            raise click.ClickException(OUTDATED) from None
        raise
    finally:
        with suppress(InterfaceError, OSError):  # it broke, which was reported above
            connection.close()
