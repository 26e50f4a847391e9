"""The command's one connection to the database it acts on, and what it says when there is none."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import click
from pg8000.core import CoreConnection
from pg8000.exceptions import DatabaseError, InterfaceError

from common.config import Config, ConfigError, settings
from common.connect import connect
from common.errors import DatabaseUnavailable

# SQLSTATEs of a table, and of a function, that is not there.
NOT_MIGRATED = ("42P01", "42883")


@contextmanager
def open_connection(config: Config | None = None) -> Iterator[CoreConnection]:
    """A connection without a statement timeout to the environment's database, or to `config`'s."""
    try:
        connection = connect(config or settings(), limit_statements=False)
    except ConfigError as error:
        raise click.ClickException(str(error)) from None
    except DatabaseError as error:
        raise click.ClickException(f"The database refuses us: {error.args[0].get('M')}") from None
    except (InterfaceError, OSError) as error:
        raise click.ClickException(f"The database cannot be reached: {' '.join(str(error).split())}") from None
    try:
        yield connection
    except DatabaseUnavailable:
        raise click.ClickException("The database is too busy or went away; what was done stays, run it again") from None
    except (InterfaceError, OSError):
        raise click.ClickException("The connection to the database broke; run the command again") from None
    except DatabaseError as error:
        if error.args[0].get("C") in NOT_MIGRATED:
            raise click.ClickException("The database lacks our tables: popups migrate makes them") from None
        raise
    finally:
        with suppress(InterfaceError, OSError):  # it broke, which was said above
            connection.close()
