"""Cached work on a model: the model itself is the key, and the work waits for its turn.

    @computed(entries=32)
    def density(model: Model, extent: Extent, size: int) -> Array:
        return log_prob_grid(model, extent, size)

Cached for the process, not for the session: a hundred visitors look at one set of models. What a
body reads must be among its arguments: a name of a page would be left out of the key. What it asks
a function that is `answering` need not: a result is kept as long as the answers are the same.
"""

import weakref
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from threading import local
from typing import Any, Literal, ParamSpec, TypeGuard, TypeVar, cast

import streamlit as st

from genlab.contract.card import Card
from genlab.runtime.sessions import heavy

Given = ParamSpec("Given")
Result = TypeVar("Result")
_MINE = local()
_ANSWERING: dict[str, Callable[..., Any]] = {}
"""Functions whose answers may change, by name: results are pickled beside what they were asked."""
Asked = tuple[str, tuple[Hashable, ...], Hashable]
"""Such a function's name, its arguments, and what its answer is known by."""
_CARDS: dict[int, tuple[weakref.ref[Card], Hashable]] = {}


class _IncompleteError(Exception):
    """Carries past the cache what was made without something that is broken now."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


def incomplete() -> None:
    """Say inside of a body that something is missing: its result is used, and not kept.

    What is broken may heal.
    """
    _MINE.incomplete = True


def answering(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """Decorate a question about what may change while the server runs: a file, another model.

    What is computed from the answer is computed again once there is another. Arguments and answers
    are hashable, or models and cards.
    """
    name = f"{function.__module__}.{function.__qualname__}"
    _ANSWERING[name] = function

    @wraps(function)
    def ask(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        answer = function(*args, **kwargs)
        _asked((name, args, key_of(answer) or answer))
        return answer

    return ask


def _asked(*rows: Asked) -> None:
    """Note what the body that runs in this thread depends on."""
    if (known := getattr(_MINE, "asked", None)) is not None:
        known.update(dict.fromkeys(rows))


def _still(rows: Iterable[Asked]) -> bool:
    """Whether all answers are what they were."""
    for name, args, known in rows:
        answer = _ANSWERING[name](*args)
        if (key_of(answer) or answer) != known:
            return False
    return True


def computed(
    *,
    entries: int = 16,
    spinner: bool | str = False,
    keep: Literal["data", "resource"] = "data",
    light: bool = False,
) -> Callable[[Callable[Given, Result]], Callable[Given, Result]]:
    """Decorate a function of models, cards or selections of them, whose results are kept.

    A model is known by its card and its weights, a card by its identifier and the checksums of its
    files, so that a fresh export is computed anew. Arguments with a leading underscore are no key.

    Args:
        entries: Results that are kept.
        spinner: Words to show meanwhile.
        keep: "data" hands out copies; "resource" the thing itself, which nobody may change.
        light: The body needs no place among the heavy jobs.

    Raises:
        Busy: When called, if no place became free in time.
    """
    cache: Any = st.cache_data if keep == "data" else st.cache_resource

    def decorate(function: Callable[Given, Result]) -> Callable[Given, Result]:
        @wraps(function)
        def body(*args: Any, **kwargs: Any) -> tuple[Result, tuple[Asked, ...]]:
            plain = {name: _plain(value) for name, value in kwargs.items()}
            before, _MINE.incomplete = getattr(_MINE, "incomplete", False), False
            outer, _MINE.asked = getattr(_MINE, "asked", None), {}
            try:
                with nullcontext() if light else in_turn():
                    result = function(*map(_plain, args), **plain)
                if _MINE.incomplete:
                    raise _IncompleteError(result)
                return result, tuple(_MINE.asked)
            finally:
                _MINE.incomplete, _MINE.asked = before, outer

        known = {_Keyed: lambda keyed: keyed.key}
        kept = cache(max_entries=entries, show_spinner=spinner, hash_funcs=known)(body)

        @wraps(function)
        def call(*args: Given.args, **kwargs: Given.kwargs) -> Result:
            plain = tuple(map(_keyed, args))
            named = {name: _keyed(value) for name, value in kwargs.items()}
            try:
                result, asked = kept(*plain, **named)
                if not _still(asked):
                    kept.clear(*plain, **named)
                    result, asked = kept(*plain, **named)
            except _IncompleteError as error:
                incomplete()  # and so is what it is part of
                return cast(Result, error.value)
            _asked(*asked)
            return cast(Result, result)

        return call

    return decorate


@contextmanager
def in_turn() -> Iterator[None]:
    """A place among the heavy jobs; the one that this thread has already, where it has one."""
    if getattr(_MINE, "placed", False):
        yield
        return
    with heavy():
        _MINE.placed = True
        try:
            yield
        finally:
            _MINE.placed = False


def key_of(value: Any) -> Hashable | None:
    """What a model, a card, a dataclass that holds one, or a list of these is known by; else None.

    A model brings a `key` of its own, which says what its weights are, or were made from.
    """
    if _is_card(value):
        return _card_key(value)
    if isinstance(value, tuple | list) and value:
        keys = tuple(map(key_of, value))
        return None if None in keys else keys
    card = getattr(value, "card", None)
    if not _is_card(card):
        return None
    if hasattr(value, "run"):
        return type(value).__name__, _card_key(card), getattr(value, "key", None)
    if is_dataclass(value):
        parts = ((field.name, getattr(value, field.name)) for field in fields(value))
        known = ((name, key_of(part) or part) for name, part in parts)
        return type(value).__name__, *known
    return None


def _is_card(value: Any) -> TypeGuard[Card]:
    """By name: a developer's hot reload makes the class anew, and old cards are still in caches."""
    kinds = [(kind.__module__, kind.__qualname__) for kind in type(value).__mro__]
    return (Card.__module__, Card.__qualname__) in kinds


def _card_key(card: Card) -> Hashable:
    """Identifier and checksums; worked out once for a card, since all keys hold one."""
    known = _CARDS.get(id(card))
    if known is None or known[0]() is not card:
        key = (card.id, card.provenance.created, *sorted(card.files.items()))
        place = id(card)
        known = weakref.ref(card, lambda _: _CARDS.pop(place, None)), key
        _CARDS[place] = known
    return known[1]


@dataclass(frozen=True)
class _Keyed:
    """An argument beside what it is known by."""

    value: Any
    key: Hashable


def _keyed(value: Any) -> Any:
    key = key_of(value)
    return value if key is None else _Keyed(value, key)


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, _Keyed) else value
