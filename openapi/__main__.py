"""Write the document, in docs/ for people and in common/ for the functions to serve; and the console's types."""

from __future__ import annotations

import json
from pathlib import Path

from openapi.document import make_document
from openapi.typescript import as_typescript

ROOT = Path(__file__).resolve().parent.parent
TYPES = ROOT / "console" / "src" / "api" / "schema.ts"
COPIES = (ROOT / "docs" / "openapi.json", ROOT / "common" / "web" / "openapi.json")


def as_text() -> str:
    return json.dumps(make_document(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    for copy in COPIES:
        copy.write_text(as_text())
    TYPES.parent.mkdir(parents=True, exist_ok=True)
    TYPES.write_text(as_typescript())
