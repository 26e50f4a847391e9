"""Reads long statements from .sql files beside the modules that run them."""

from __future__ import annotations

import re
from pathlib import Path

_PART = re.compile(r"^ *-- if (\w+)\n(.*?)^ *-- end\n", re.DOTALL | re.MULTILINE)


def read_statement(module_file: str, name: str, variant: str | None = None) -> str:
    """Return the statement in `name` beside the module (its `__file__`).

    Lines between `-- if x` and `-- end` belong to the variant x only.
    """
    text = Path(module_file).with_name(name).read_text(encoding="utf-8")
    return _PART.sub(lambda part: part[2] if part[1] == variant else "", text)
