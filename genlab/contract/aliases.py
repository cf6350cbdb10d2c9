"""Hyper-parameters that bear other names today than on the cards of models that are out.

Cards are never rewritten; whoever reads their recipe asks here.
"""

from collections.abc import Mapping
from typing import Any

ALIASES = {"k": "n_critic", "clock": "embedding"}
"""Today's name by that of before."""


def renamed(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Hyper-parameters of a part of a recipe under their names of today."""
    return {ALIASES.get(name, name): value for name, value in settings.items()}
