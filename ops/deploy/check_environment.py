"""Says in one line what a function would refuse about its environment.

Reads environments, an empty line after each: NAME=value lines, and the NAME alone of each secret. Those stay where they
are; anything of their form does here.
"""

import sys

from common.config import ConfigError, load

PLACEHOLDERS = {
    "DATABASE_URL": "postgresql://placeholder",
    "DATABASE_REPLICA_URL": "postgresql://placeholder",
    "DB_PASSWORD": "placeholder",
    "REDIS_URL": "redis://placeholder",
}


def with_placeholders(lines: list[str]) -> dict[str, str]:
    given = (line.partition("=") for line in lines)
    return {name: text if equals else PLACEHOLDERS[name] for name, equals, text in given}


for block in filter(None, sys.stdin.read().split("\n\n")):
    try:
        load(with_placeholders(block.split("\n")))
    except ConfigError as error:
        raise SystemExit(str(error)) from None
