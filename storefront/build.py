"""Minifies the script for production: `python storefront/build.py FOLDER` writes it there under a name that tells its
content, so that it may be cached for ever, and prints that name.

The name says "storefront" and not what the script does, because content blockers match the latter.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import sys
from pathlib import Path

import minify

from cli.script import joined

MAX_GZIPPED_BYTES = 8 * 1024
HASH_CHARACTERS = 12

# Tells V8 to compile every function while the file arrives, which it does beside the main thread; else each is compiled
# at its first call. That was half of what the script cost a page that loads.
_COMPILE_HINT = "//# allFunctionsCalledOnLoad\n"

_STYLE = re.compile(r"(const STYLE = `)(.*?)(`;)", re.DOTALL)


def source() -> str:
    """The script as it is written, in one piece."""
    return joined(Path(__file__).parent)


def minified() -> str:
    """The script as it is served: short names, no comments, and a style sheet without spaces."""
    squeezed, styles = _STYLE.subn(lambda found: found[1] + _squeezed(found[2]) + found[3], source())
    if styles != 1:
        raise ValueError("the script no longer has one STYLE")
    return _COMPILE_HINT + _in_ascii(str(minify.string("application/javascript", squeezed)))


def gzipped_bytes(script: str) -> int:
    return len(gzip.compress(script.encode(), 9, mtime=0))


def versioned_name(script: str) -> str:
    return f"storefront-{hashlib.sha256(script.encode()).hexdigest()[:HASH_CHARACTERS]}.js"


def write(folder: Path) -> Path:
    """The file written. Raises ValueError when the script has grown too large for shoppers."""
    script = minified()
    if gzipped_bytes(script) > MAX_GZIPPED_BYTES:
        raise ValueError(f"the script has {gzipped_bytes(script)} bytes gzipped, {MAX_GZIPPED_BYTES} are allowed")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / versioned_name(script)
    path.write_text(script)
    return path


def _in_ascii(script: str) -> str:
    """The same with escapes: a page in another encoding would take the script to be in that, too."""
    return re.sub(r"[^\x00-\x7f]", lambda found: json.dumps(found[0])[1:-1], script)


def _squeezed(style: str) -> str:
    """The minifier leaves template strings alone, and this one has no text in which spaces would matter."""
    style = re.sub(r"/\*.*?\*/|\s+", " ", style, flags=re.DOTALL)
    return re.sub(r"\s*([{}:;,>])\s*", r"\1", style).strip()


if __name__ == "__main__":
    print(write(Path(sys.argv[1])))  # noqa: T201
