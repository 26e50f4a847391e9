"""Exempt objects that live as long as the process from garbage collection.

A full collection traverses every object, modules and their code included: a pause of 15 to 45 ms for all requests
(python -m benchmarks steady). Frozen objects are not traversed.
"""

from __future__ import annotations

import gc

from common.process.per_process import per_process


def freeze_loaded() -> None:
    """Freeze all loaded objects; call it once a server has loaded its function."""
    gc.freeze()


@per_process
def freeze_connected() -> None:
    """Freeze again once per process; call it with the first connection, which loads the driver and the connector."""
    gc.freeze()
