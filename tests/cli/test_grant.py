"""`popups grant`: functions write and read rows, and change nothing of the schema; the owner does that."""

from collections.abc import Iterator

import pytest
from pg8000.exceptions import DatabaseError

from cli.schema.grant import grant
from tests.support.stack import (
    APP_USER,
    STATS_USER,
    Database,
    FunctionProcess,
    Stack,
    create_database,
    open_database,
)

DENIED = "42501"

CHANGES_OF_THE_SCHEMA = {
    "a table": "CREATE TABLE mine (id int)",
    "a temporary table": "CREATE TEMPORARY TABLE mine (id int)",
    "a function": "CREATE FUNCTION mine() RETURNS int LANGUAGE sql RETURN 1",
    "a partition": "SELECT create_month_partition('popup_views', '2031-01-01')",
    "a schema": "CREATE SCHEMA mine",
    "an index": "CREATE INDEX mine ON shops (name)",
    "a column": "ALTER TABLE shops ADD COLUMN mine text",
    "dropped table": "DROP TABLE purchases",
    "emptied table": "TRUNCATE popup_views",
    "the ledger": "DELETE FROM schema_migrations",
    "a role": "CREATE ROLE mine",
    "another's rights": "GRANT ALL ON shops TO PUBLIC",
}


@pytest.fixture(scope="module")
def app(stack: Stack) -> Iterator[Database]:
    with open_database(stack.url_of_function("track_view")) as opened:
        yield opened


@pytest.fixture(scope="module")
def reports(stack: Stack) -> Iterator[Database]:
    with open_database(stack.url_of_function("stats")) as opened:
        yield opened


def refusal(database: Database, sql: str) -> str:
    with pytest.raises(DatabaseError) as refused:
        database(sql)
    return str(refused.value.args[0]["C"])


@pytest.mark.parametrize("sql", CHANGES_OF_THE_SCHEMA.values(), ids=CHANGES_OF_THE_SCHEMA)
def test_functions_cannot_change_the_schema(app: Database, reports: Database, sql: str) -> None:
    if sql.startswith("GRANT"):
        app(sql)  # a warning: what one may not give is not given
        assert app.value("SELECT has_table_privilege('reports', 'shops', 'DELETE')") is False
        return
    assert refusal(app, sql) == DENIED
    assert refusal(reports, sql) == DENIED


def test_functions_run_as_users_with_these_rights(
    database: Database, track_view: FunctionProcess, stats: FunctionProcess
) -> None:
    assert track_view.state_of("database") == stats.state_of("database") == "ok"
    users = {
        row["usename"]
        for row in database(
            "SELECT usename FROM pg_stat_activity WHERE application_name = 'popups' AND usename <> current_user"
        )
    }
    assert users >= {APP_USER, STATS_USER}


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM shops",
        "UPDATE api_keys SET rights = 'write'",
        "INSERT INTO daily_crawlers SELECT * FROM daily_crawlers",
        "SELECT * FROM email_subscribers",
    ],
)
def test_reports_read_and_read_nobodys_address(reports: Database, sql: str) -> None:
    assert refusal(reports, sql) == DENIED


def test_what_the_owner_makes_later_has_the_same_rights(database: Database, app: Database, reports: Database) -> None:
    database("CREATE TABLE later (id int)")
    try:
        app("INSERT INTO later VALUES (1)")
        assert reports.value("SELECT count(*) FROM later") == 1
        assert refusal(reports, "DELETE FROM later") == DENIED
    finally:
        database("DROP TABLE later")


def test_an_owner_who_is_no_superuser_grants_and_may_repeat_it(stack: Stack) -> None:
    url = create_database(stack.postgres, "granted", migrated=False)
    with open_database(url) as admin:
        admin("CREATE ROLE granting LOGIN CREATEROLE")
        admin("ALTER DATABASE granted OWNER TO granting")
        for group in ("popups_app", "popups_stats"):  # made by somebody else in this server, who lets it give them
            admin(f"GRANT {group} TO granting WITH ADMIN OPTION")
    owner_url = url.replace("//popups:", "//granting:")
    migrated = stack.popups("migrate", DATABASE_URL=owner_url)
    assert migrated.returncode == 0, migrated.stderr
    for _ in range(2):
        done = stack.popups("grant", "--app", APP_USER, "--stats", STATS_USER, DATABASE_URL=owner_url)
        assert (done.returncode, done.stdout) == (0, "granted\n"), done.stderr
    with open_database(url.replace("//popups:", f"//{APP_USER}:")) as app:
        app("DELETE FROM popup_views")
        assert refusal(app, "DROP TABLE popup_views") == DENIED


REFUSED: dict[str, tuple[tuple[str, ...], str]] = {
    "nobody": (("--app", "nobody@example.iam"), "There is no user nobody@example.iam in the database"),
    "no name": (("--app", 'x"; DROP TABLE shops; --'), "is no user's name; allowed: letters, digits and _.@-"),
    "not the owner": ((), "Only the owner of the tables, with CREATEROLE, may do this: "),
}


@pytest.mark.parametrize(("words", "line"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_granted_is_one_plain_line(stack: Stack, words: tuple[str, ...], line: str) -> None:
    url = stack.database_url if words else stack.url_of_function("track_view")
    done = stack.popups("grant", *words, DATABASE_URL=url)
    assert done.returncode == 1
    assert line in done.stderr
    assert "Traceback" not in done.stderr


def test_an_account_of_cloud_sql_may_be_a_member(stack: Stack, database: Database) -> None:
    database('CREATE ROLE "shop-notes@acme-shop.iam" LOGIN')
    assert stack.popups("grant", "--app", "shop-notes@acme-shop.iam").returncode == 0
    assert database.value("SELECT pg_has_role('shop-notes@acme-shop.iam', 'popups_app', 'USAGE')")


def test_granting_leaves_no_transaction_open_when_it_fails(stack: Stack) -> None:
    with open_database(stack.url_of_function("stats")) as reports:
        with pytest.raises(Exception, match="Only the owner"):
            grant(reports._connection, (), ())
        assert reports.value("SELECT 1 AS one") == 1
