"""`make arrows`: the house as Mermaid pictures in CONTRIBUTING.md, drawn from the imports.

A picture leaves out the arrow that a longer way implies (functions → postgres, since functions → cache → postgres).
The layers themselves are in pyproject.toml; `lint-imports` holds them.
"""

from functools import cache

from tests.support.imports import ROOT, imports_when_running, sources

Arrows = dict[str, set[str]]

PAGE = ROOT / "CONTRIBUTING.md"
START, END = "<!-- written by make arrows -->\n", "<!-- end of make arrows -->\n"

# What everything stands on: an arrow to it says nothing.
GROUND = {"config", "errors", "ids", "json_text", "log_text", "logs", "version"}


@cache
def arrows(*folders: str) -> Arrows:
    """Return for each module of the folders which modules of the folders it imports."""
    trees = {name: tree for folder in folders for name, tree in sources(folder).items()}
    return {name: imports_when_running(tree) & set(trees) - {name} for name, tree in trees.items()}


def below(arrows: Arrows, name: str) -> set[str]:
    """Return everything that the arrows lead to from there; the module itself only in a circle."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        new = arrows.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return found


def with_pictures(page: str) -> str:
    """Return the page with pictures of the tree as it is between its two marks."""
    before, _, rest = page.partition(START)
    _, _, after = rest.partition(END)
    house = _rooms(arrows("common", "functions"), depth=2)
    resources = _rooms(arrows("functions/manage_popups"), depth=3)
    command = _rooms(arrows("cli"), depth=2)
    pictures = [
        _flowchart(house, {"functions": {name for name in house if name in _functions()}}),
        f"\nInside manage_popups:\n\n{_flowchart(resources, {})}",
        f"\nInside the `popups` command:\n\n{_flowchart(command, {})}",
    ]
    return f"{before}{START}\n{''.join(pictures)}\n{END}{after}"


def _functions() -> set[str]:
    return {path.parent.name for path in (ROOT / "functions").glob("*/main.py")}


def _rooms(modules: Arrows, depth: int) -> Arrows:
    """Return the arrows between folders, or modules that stand beside them, `depth` names below the root."""
    drawn: Arrows = {}
    for name, targets in modules.items():
        room = _room(name, depth)
        if room in GROUND or not room:
            continue
        drawn.setdefault(room, set()).update({_room(target, depth) for target in targets} - GROUND - {room, ""})
    return drawn


def _room(name: str, depth: int) -> str:
    parts = name.split(".")
    return parts[depth - 1] if len(parts) >= depth else ""


def _flowchart(arrows: Arrows, groups: dict[str, set[str]]) -> str:
    lines = ["```mermaid", "flowchart LR"]
    for number, (title, group) in enumerate(groups.items()):
        boxes = [f"        {name}" for name in sorted(group)]
        lines += [f'    subgraph group{number}["{title}"]', *boxes, "    end"]
    for name, targets in sorted(arrows.items()):
        implied = set().union(*(below(arrows, target) for target in targets))
        ends = " & ".join(sorted(targets - implied))
        lines += [f"    {name} --> {ends}"] if ends else []
    return "\n".join([*lines, "```", ""])


if __name__ == "__main__":
    PAGE.write_text(with_pictures(PAGE.read_text()))
