"""functions.toml is what the functions are: their folders, their mains, and the documents that list them."""

import ast
import re

from cli.function_table import FUNCTIONS, load
from common.config import about
from tests.support.imports import ROOT, sources


def test_every_folder_of_functions_is_a_row() -> None:
    assert set(FUNCTIONS) == {path.parent.name for path in (ROOT / "functions").glob("*/main.py")}


def test_a_row_says_what_its_main_says() -> None:
    for row in FUNCTIONS.values():
        function = load(row)
        assert (function.name, function.limit, function.audience.name.lower()) == (row.name, row.limit, row.audience)
        assert function.path == row.service
        assert f"RATE_LIMIT_{row.limit.upper()}" in about()


def test_a_main_offers_a_callable_named_like_its_function_for_the_server_of_its_row() -> None:
    for name, row in FUNCTIONS.items():
        (offered,) = (
            node.value
            for node in sources("functions")[f"functions.{name}.main"].body
            if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == [name]
        )
        assert ast.unparse(offered) == f"{row.server}_function(function)"


def test_readme_says_what_each_function_does() -> None:
    table = re.findall(
        r"^\| \[`(\w+)`\]\(functions/\w+/main.py\) \| .+ \| .+ \|$", (ROOT / "README.md").read_text(), re.M
    )
    assert table == list(FUNCTIONS)


def test_day_one_says_where_each_function_answers() -> None:
    page = (ROOT / "docs" / "day-one.md").read_text()
    assert re.findall(r"^\| (\w+) \| .*`https://popups\.example\.com/\1`", page, re.M) == list(FUNCTIONS)
