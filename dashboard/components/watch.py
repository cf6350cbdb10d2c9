"""An open page learns that models came, changed, healed or went: it runs again, and only then."""

from __future__ import annotations

from dashboard.components.blob import Blob
from dashboard.components.files import component
from dashboard.components.heard import hearing

KEY = "watch"
_WATCH = component("watch", "watch")


def watch(state: str) -> None:
    """Have the browser ask `api/state` whether it is still `state`, and run the page where not.

    It asks every three seconds while the page can be seen, and waits while something is held or
    typed.
    """
    _WATCH(data=Blob().pack({"state": state}), **hearing(KEY, "changed"))
