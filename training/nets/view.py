"""A module that runs another method of a family, under the family's own parameter names.

The exporter traces `forward`. A wrapper that held the family as a child would put a prefix before
every weight; snapshots would then fit one file and not the next. A view shares the family's
children, parameters and buffers instead, so the names are those of its `state_dict`.
"""

import copy
from collections.abc import Callable
from typing import Any

from torch import nn


def view(family: nn.Module, method: str) -> nn.Module:
    """A shallow twin of `family` whose `forward` is its method of that name.

    The tensors are shared, not copied: training the family changes the view.

    Raises:
        AttributeError: The family has no such method.
    """
    twin = copy.copy(family)
    forward: Callable[..., Any] = getattr(twin, method)
    object.__setattr__(twin, "forward", forward)
    return twin
