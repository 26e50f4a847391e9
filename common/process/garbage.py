"""The garbage collector, spared what stays as long as the process.

A full collection looks at every object there is, modules and their code among them: 15 to 45 ms on the core that serves
(python -m benchmarks steady), in which nobody is answered. What is frozen is not looked at.
"""

from __future__ import annotations

import gc

from common.process.per_process import per_process


def freeze_loaded() -> None:
    """To be called where a server has loaded what it serves."""
    gc.freeze()


@per_process
def freeze_connected() -> None:
    """To be called with a connection at hand: the driver and the connector are loaded only then, and once a process."""
    gc.freeze()
