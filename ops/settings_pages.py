"""`make settings`: write the pages that list the settings, from Config and functions.toml.

Each page is a function from its present text to its new text; a test compares the two.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from dataclasses import fields
from itertools import product
from pathlib import Path
from typing import Any

from cli.function_table import FUNCTIONS
from common.config import Config, about
from ops.deploy.settings_table import SETTINGS, own_name

ROOT = Path(__file__).resolve().parent.parent

START, END = "<!-- written by make settings -->\n", "<!-- end of make settings -->\n"
ENV_EXAMPLE = """\
# Everything the functions read from the environment, with its default. Commented out: there is none, or an example.
# Written by `make settings`.
"""
WIDTH = 120


def defaults() -> dict[str, str]:
    """Return each variable's default as written in the environment; empty if there is none."""
    return {setting.name.upper(): _as_text(setting.default) for setting in fields(Config)}


def _as_text(default: Any) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return "" if default in (None, ()) else str(default)


def readme(text: str) -> str:
    """Return the README with a new table of settings."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, default in defaults().items():
        shown = f"`{default}`" if default else "none"
        rows.append(f"| `{name}` | {shown} | {about()[name].meaning.replace('|', chr(92) + '|')} |")
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    return before + START + "\n" + "\n".join(rows) + "\n\n" + END + after


def env_example(_text: str) -> str:
    """Return .env.example: each setting under a comment with its meaning."""
    blocks = [ENV_EXAMPLE]
    for name, default in defaults().items():
        line = f"{name}={default}" if default else f"#{name}={about()[name].example}"
        blocks.append(f"{comment(about()[name].meaning)}\n{line}\n")
    return "\n".join(blocks)


def comment(markdown: str) -> str:
    """Return the text as comment lines, without Markdown's backticks."""
    return textwrap.fill(markdown.replace("`", ""), WIDTH, initial_indent="# ", subsequent_indent="# ")


def deploy_env_example(text: str) -> str:
    """Return deploy.env.example with new parts for functions.toml and Config; the rest is hand-written."""
    text = _with_section(text, "Settings", "")
    services = [f"#{own_name(kind, each)}={SETTINGS[own_name(kind, each)].default}\n" for kind, each in
                product(("SERVICE", "SERVICE_ACCOUNT"), FUNCTIONS.values())]  # fmt: skip
    text = _with_section(text, "Services", "".join(services))
    elsewhere = set(re.findall(r"^#?([A-Z][A-Z_]*)=", text, re.MULTILINE))
    names = {f"{name}_SECRET" if known.secret else name: known.meaning for name, known in about().items()}
    blocks = [_block(name, meaning) for name, meaning in names.items() if name not in elsewhere]
    return _with_section(text, "Settings", "".join(blocks))


def _block(name: str, meaning: str) -> str:
    allowed = f" Allowed: {SETTINGS[name].allowed}." if SETTINGS[name].allowed else ""
    return f"{comment(meaning + allowed)}\n#{name}={SETTINGS[name].default}\n"


def _with_section(text: str, title: str, content: str) -> str:
    before, start, rest = text.partition(f"# ---- {title}: written by make settings\n")
    return before + start + content + rest[rest.index("# ---- end\n") :]


PAGES: dict[str, Callable[[str], str]] = {
    "README.md": readme,
    ".env.example": env_example,
    "deploy.env.example": deploy_env_example,
}


if __name__ == "__main__":
    for name, write in PAGES.items():
        page = ROOT / name
        page.write_text(write(page.read_text()))
