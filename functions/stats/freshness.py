"""How long answers about nothing stay in the cache."""

from __future__ import annotations

# Short, since the popup may be created or restored any moment.
UNKNOWN_POPUP_SECONDS = 2
