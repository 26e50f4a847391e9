"""The garbage collector leaves alone what stays as long as the process."""

import os
import subprocess
import sys

import pytest

from tests.support.stack import FUNCTIONS, ROOT, Stack

# What a collection still looks at, before and after the first connection.
LOOKED_AT = """
import gc, sys
import functions.{name}.main as main
from common import postgres
from common.web import _pipeline
print(any(each is vars(_pipeline) for each in gc.get_objects()))
postgres.fetch_one("SELECT 1 AS one")
print(any(each is vars(sys.modules["pg8000.core"]) for each in gc.get_objects()))
made = []
print(any(each is made for each in gc.get_objects()))
"""


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_collection_looks_at_no_module_but_at_what_is_made_later(name: str, stack: Stack) -> None:
    environ = {**os.environ, "DATABASE_URL": stack.database_url}
    command = [sys.executable, "-c", LOOKED_AT.format(name=name)]
    done = subprocess.run(command, capture_output=True, text=True, env=environ, cwd=ROOT, timeout=30)
    assert done.stdout.split() == ["False", "False", "True"], done.stderr
