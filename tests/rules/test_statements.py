"""What holds of every statement of SQL that the functions send."""

import ast
import re
from collections.abc import Iterator

from tests.support.imports import ROOT, server_sources

SCHEMA = "\n".join(path.read_text() for path in sorted((ROOT / "sql").glob("*.sql")))
# Tables and views whose rows are a shop's.
OF_A_SHOP = {
    "shops",
    *re.findall(r"CREATE (?:OR REPLACE )?VIEW (\w+)", SCHEMA),
    *(name for name, body in re.findall(r"CREATE TABLE (\w+) \((.*?)\n\)", SCHEMA, re.DOTALL) if " shop_id " in body),
}
REFERENCE = re.compile(r"\b(?:FROM|JOIN|UPDATE|USING)\s+(\w+)")
SAYS_THE_SHOP = re.compile(r"\bshop_id = :shop_id|\bid = :shop_id|\(shop_id, \w+\) = \(:shop_id,")


def statements() -> Iterator[tuple[str, str]]:
    """Yield each statement, without comments, and where it is."""
    for name, tree in server_sources().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and is_sql(node.value):
                yield f"{name}:{node.lineno}", re.sub(r"--.*", "", node.value)
    for folder in ("common", "functions"):
        for path in (ROOT / folder).rglob("*.sql"):
            yield str(path.relative_to(ROOT)), re.sub(r"--.*", "", path.read_text())


def is_sql(text: str) -> bool:
    return bool(re.search(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM)\b", text))


def test_a_statement_that_knows_its_shop_says_so_of_every_table() -> None:
    """Then each is read by an index that begins with the shop, and a shop may lie in a database of its own."""
    offenders = {}
    for place, sql in statements():
        tables = [name for name in REFERENCE.findall(sql) if name in OF_A_SHOP]
        if ":shop_id" in sql and len(SAYS_THE_SHOP.findall(sql)) < len(tables):
            offenders[place] = tables
    assert offenders == {}


def test_a_statement_calls_no_function_that_reads_tables() -> None:
    """Postgres would run its query again for each row."""
    tables = "|".join(re.findall(r"CREATE TABLE (\w+)", SCHEMA))
    functions = re.findall(r"CREATE (?:OR REPLACE )?FUNCTION (\w+)(.*?)(?=\nCREATE|\nALTER|\Z)", SCHEMA, re.DOTALL)
    readers = {name for name, body in functions if re.search(rf"\b(?:FROM|JOIN|INTO|UPDATE)\s+(?:{tables})\b", body)}
    assert "code_is_valid" in readers, "of a release before, and no longer called"
    called = {
        place: names for place, sql in statements() if (names := readers & set(re.findall(r"\b([a-z_]+)\(", sql)))
    }
    assert called == {}
