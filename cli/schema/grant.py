"""Roles in the database: its owner changes the schema, functions write rows, `stats` reads what it needs.

The rights belong to two roles without a login, which the functions' users are made members of. Tables that the owner
makes later have the same rights by themselves.
"""

import re

import click
from pg8000.core import CoreConnection
from pg8000.exceptions import DatabaseError

from cli.schema.migrate import alone

APP, STATS = "popups_app", "popups_stats"

ROLE = re.compile(r"[A-Za-z0-9_.@-]{1,63}")

INSUFFICIENT = "42501"

GRANT = f"""
    DO $$
    BEGIN
        IF to_regrole('{APP}') IS NULL THEN
            CREATE ROLE {APP} NOLOGIN;
        END IF;
        IF to_regrole('{STATS}') IS NULL THEN
            CREATE ROLE {STATS} NOLOGIN;
        END IF;
        EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    END
    $$;
    REVOKE CREATE ON SCHEMA public FROM PUBLIC;
    GRANT USAGE ON SCHEMA public TO {APP}, {STATS};
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {APP};
    GRANT SELECT ON ALL TABLES IN SCHEMA public TO {STATS};
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {APP};
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {STATS};
    -- The ledger says what was migrated; only a migration does.
    REVOKE INSERT, UPDATE, DELETE ON schema_migrations FROM {APP};
    -- A key in use is noted as such. Nobody's address is in a report.
    GRANT UPDATE (last_used_at) ON api_keys TO {STATS};
    REVOKE SELECT ON email_subscribers, erasures FROM {STATS};
"""

ONLY_THE_OWNER = "Only the owner of the tables, with CREATEROLE, may do this"

SELECT_IS_OWNER = "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'shops'::regclass"

SELECT_MISSING = (
    "SELECT name FROM unnest(string_to_array('{names}', ',')) AS name WHERE to_regrole(quote_ident(name)) IS NULL"
)


def grant(connection: CoreConnection, app: tuple[str, ...], stats: tuple[str, ...]) -> None:
    """Give the rights, and make these users members. Safe to repeat.

    The connection must be the owner's, who may create roles. Raises ClickException if it is not, or for unknown users.
    """
    _check(connection, (*app, *stats))
    members = [(APP, name) for name in app] + [(STATS, name) for name in stats]
    memberships = "".join(f'GRANT {group} TO "{name}";\n' for group, name in members)
    try:
        with alone(connection, click.echo):
            connection.execute_simple(f"BEGIN; {GRANT} {memberships} COMMIT")
    except DatabaseError as error:
        connection.execute_simple("ROLLBACK")
        if error.args[0].get("C") != INSUFFICIENT:
            raise
        reason = error.args[0].get("M")
        raise click.ClickException(f"{ONLY_THE_OWNER}: {reason}") from None


def _check(connection: CoreConnection, names: tuple[str, ...]) -> None:
    # To anybody else Postgres would only say, in a warning, that nothing was granted.
    if not connection.execute_simple(SELECT_IS_OWNER).rows[0][0]:
        raise click.ClickException(f"{ONLY_THE_OWNER}: this user is not the owner")
    for name in names:
        if not ROLE.fullmatch(name):
            raise click.ClickException(f"{name!r} is no user's name; allowed: letters, digits and _.@-")
    missing = connection.execute_simple(SELECT_MISSING.format(names=",".join(names))).rows
    if missing:
        raise click.ClickException(f"There is no user {', '.join(name for (name,) in missing)} in the database")
