"""What is logged of the database, as the role sees it that a deployed function has: without any privileges."""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from common.health import SELECT_SCHEMA
from tests.stack import Database, Stack, open_database

OTHERS = 6


@pytest.fixture
def plain(stack: Stack, database: Database) -> Iterator[Database]:
    """A look into the database by a role that may read the ledger of migrations and nothing else."""
    role = f"plain_{uuid.uuid4().hex[:8]}"
    database(f"CREATE ROLE {role} LOGIN")
    database(f"GRANT SELECT ON schema_migrations TO {role}")
    user = stack.postgres.user
    with open_database(stack.database_url.replace(f"//{user}:", f"//{role}:")) as opened:
        assert opened.value("SELECT current_user") == role
        yield opened
    database(f"DROP OWNED BY {role}")
    database(f"DROP ROLE {role}")


def test_the_connections_of_all_roles_are_counted(stack: Stack, plain: Database) -> None:
    with ExitStack() as others:
        for _ in range(OTHERS):
            others.enter_context(open_database(stack.database_url))
        (row,) = plain(SELECT_SCHEMA)
    assert OTHERS < row["connections"] < row["max_connections"]
