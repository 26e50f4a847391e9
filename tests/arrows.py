"""`make arrows`: the import arrows as Mermaid pictures in CONTRIBUTING.md, and the layers that they follow

A picture leaves out the arrow that a longer way implies (http → database, since http → auth → database), and those to
what everything stands on. tests/test_rules.py fails where an arrow breaks a layer or a picture is out of date.
"""

from functools import cache

from tests.imports import ROOT, imports_when_running, sources

Arrows = dict[str, set[str]]
Group = set[str]

# common/ from the top down. A module imports from its own group and from the layers below, not from beside or above.
LAYERS = (
    {"the two servers": "asgi_adapter flask_adapter"},
    {
        "around a handler": (
            "auth body client_address conditional crawlers headers health http messages openapi routing trace"
        ),
        "shops and popups": "active_popups cache_keys email_forms event_ids events",
    },
    {
        "statements": "database replica",
        "many to a commit": "group_commit",
        "answers kept": "cache cache_entry cache_loading change_log local_cache name_locks shared_cache",
        "limits": "rate_limit",
    },
    {
        "Postgres": "cloud_sql connect database_errors pool session",
        "Redis": "redis_client redis_nodes",
    },
    # Not drawn from here on.
    {"tools": "breaker collector config json_text logs strict_fields threads"},
    {"the settings": "config_fields"},
    {
        "the ground": (
            "addresses blanks config_values currencies errors ids log_text memory per_process targeting_rules timing"
            " version"
        )
    },
)
DRAWN_LAYERS = 4

PAGE = ROOT / "CONTRIBUTING.md"
START, END = "<!-- written by make arrows -->\n", "<!-- end of make arrows -->\n"


def layers() -> list[dict[str, Group]]:
    """LAYERS with the modules' full names."""
    return [{title: {f"common.{name}" for name in names.split()} for title, names in layer.items()} for layer in LAYERS]


@cache
def arrows(*folders: str) -> Arrows:
    """For each module of the folders, which modules of the folders it imports."""
    trees = {name: tree for folder in folders for name, tree in sources(folder).items()}
    return {name: imports_when_running(tree) & set(trees) - {name} for name, tree in trees.items()}


def below(arrows: Arrows, name: str) -> set[str]:
    """Everything that the arrows lead to from there; the module itself only in a circle."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        new = arrows.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return found


def with_pictures(page: str) -> str:
    """The page with pictures of the tree as it is between its two marks."""
    before, _, rest = page.partition(START)
    _, _, after = rest.partition(END)
    inner = {"manage_popups": "functions/manage_popups", "the `popups` command": "cli"}
    pictures = [_above(), *(f"\nInside {title}:\n\n{_inside(folder)}" for title, folder in inner.items())]
    return f"{before}{START}\n{''.join(pictures)}\n{END}{after}"


def _above() -> str:
    """common/ in its layers, with each function as one box."""
    groups = {title: group for layer in layers()[:DRAWN_LAYERS] for title, group in layer.items()}
    every = arrows("common", "functions")
    functions = {_box(name) for name in every if name.count(".") > 1}
    shown = functions.union(*groups.values())
    drawn: Arrows = {name: set() for name in shown}
    for name, targets in every.items():
        drawn.get(_box(name), set()).update({_box(target) for target in targets} & shown - {_box(name)})
    return _flowchart(drawn, {"functions": functions, **groups})


def _box(name: str) -> str:
    return ".".join(name.split(".")[:2])


def _inside(folder: str) -> str:
    return _flowchart(arrows(folder), {})


def _flowchart(arrows: Arrows, groups: dict[str, Group]) -> str:
    lines = ["```mermaid", "flowchart LR"]
    for number, (title, group) in enumerate(groups.items()):
        boxes = [f"        {_last(name)}" for name in sorted(group)]
        lines += [f'    subgraph group{number}["{title}"]', *boxes, "    end"]
    for name, targets in sorted(arrows.items()):
        implied = set().union(*(below(arrows, target) for target in targets))
        ends = " & ".join(_last(target) for target in sorted(targets - implied))
        lines += [f"    {_last(name)} --> {ends}"] if ends else []
    return "\n".join([*lines, "```", ""])


def _last(name: str) -> str:
    return name.rpartition(".")[2]


if __name__ == "__main__":
    PAGE.write_text(with_pictures(PAGE.read_text()))
