"""Split a SQL file into its statements, for those that must be sent to Postgres one at a time."""

import re

_TOKEN = re.compile(
    r"""--[^\n]*                     # comments,
      | /\*.*?\*/
      | '(?:[^']|'')*'              # strings,
      | "[^"]*"                     # names
      | \$(\w*)\$.*?\$\1\$          # and bodies, none of which end a statement as
      | (?P<end>;)                  # this does
    """,
    re.DOTALL | re.VERBOSE,
)


def split_statements(sql: str) -> list[str]:
    """Return the statements of a file, without the comments around them."""
    statements, start = [], 0
    for token in _TOKEN.finditer(sql):
        if token["end"]:
            statements.append(sql[start : token.start()])
            start = token.end()
    statements.append(sql[start:])
    return [stripped for statement in statements if (stripped := _without_leading_comments(statement))]


def _without_leading_comments(statement: str) -> str:
    return re.sub(r"\A(?:\s|--[^\n]*(?:\n|\Z)|/\*.*?\*/)+", "", statement, flags=re.DOTALL).strip()
