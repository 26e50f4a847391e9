"""Write the document: the copy in docs/ for people, and the one in common/ that the functions serve."""

from __future__ import annotations

import json
from pathlib import Path

from openapi.document import make_document

ROOT = Path(__file__).resolve().parent.parent
COPIES = (ROOT / "docs" / "openapi.json", ROOT / "common" / "web" / "openapi.json")


def as_text() -> str:
    return json.dumps(make_document(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    for copy in COPIES:
        copy.write_text(as_text())
