"""The `popups` command: what an operator and a developer run from a terminal."""
