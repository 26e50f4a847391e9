"""Files with keys, which only their owner may read."""

import os
from pathlib import Path


def write_secret(path: Path, text: str) -> None:
    """Write the file with mode 0600 from its creation on."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")
