"""What is asked for many times in one rerun of a page, and looked up once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

Value = TypeVar("Value")
_KNOWN: ContextVar[dict[str, Any] | None] = ContextVar("known", default=None)


@contextmanager
def rerun() -> Iterator[None]:
    """Around a page or a fragment: what `once` looked up holds until the outermost one ends."""
    if _KNOWN.get() is not None:
        yield
        return
    token = _KNOWN.set({})
    try:
        yield
    finally:
        _KNOWN.reset(token)


def once(name: str, look: Callable[[], Value]) -> Value:
    """What `look` finds, the same for all who ask in one rerun; outside of any, found anew."""
    known = _KNOWN.get()
    if known is None:
        return look()
    if name not in known:
        known[name] = look()
    value: Value = known[name]
    return value
