"""Around a page: failures become sentences, never a traceback, and things are looked up once."""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.errors import StreamlitInvalidLayoutContextError
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard.components.heard import left
from dashboard.components.scene import SceneError
from dashboard.shared import links
from dashboard.shared.ahead import AHEAD
from dashboard.shared.compute import incomplete
from genlab.contract.errors import ContractError
from genlab.runtime.errors import Busy, InputError, NoGpuError, RunError, Stopped

Value = TypeVar("Value")
_KNOWN: ContextVar[dict[Hashable, Any] | None] = ContextVar("known", default=None)


@contextmanager
def without(what: str) -> Iterator[None]:
    """Around what another model adds to a page: where it is broken, a warning says without what."""
    try:
        yield
    except (ContractError, RunError) as error:
        if AHEAD.here():
            raise  # nobody looks: it is said where somebody does
        incomplete()
        st.warning(
            f"Shown without {what}. {links.plain(str(error))}", icon=":material/broken_image:"
        )


@contextmanager
def guarded() -> Iterator[None]:
    """Around a page or a fragment: show the known failures of models and inputs in words.

    Anything else is a bug and stays loud. Inside, `once` looks things up once.
    """
    outermost = _KNOWN.get() is None
    try:
        with _rerun():
            yield
    except ContractError as error:
        st.error(links.plain(str(error)), icon=":material/broken_image:")
    except (InputError, NoGpuError, RunError, SceneError) as error:
        st.error(links.plain(str(error)), icon=":material/block:")
    except StreamlitInvalidLayoutContextError:
        if not _of_fragment():
            raise
        st.rerun()  # a fragment that failed before it wrote outside of itself has no place there
    except Stopped:
        pass  # nobody is there to read anything
    except Busy:
        words = "Many people are computing right now. Please try again in a few seconds."
        st.warning(words, icon=":material/hourglass_top:")
    if outermost and left(_of_fragment()):
        st.rerun()


def _of_fragment() -> bool:
    """Whether this run is one of a fragment alone."""
    context = get_script_run_ctx()
    return context is not None and bool(context.fragment_ids_this_run)


@contextmanager
def _rerun() -> Iterator[None]:
    """What `once` looked up holds until the outermost one ends."""
    if _KNOWN.get() is not None:
        yield
        return
    token = _KNOWN.set({})
    try:
        with AHEAD.visiting():
            if _of_fragment():
                links.keep()
            yield
    finally:
        _KNOWN.reset(token)


def once(name: Hashable, look: Callable[[], Value]) -> Value:
    """What `look` finds, the same for all who ask in one rerun; outside of any, found anew."""
    known = _KNOWN.get()
    if known is None:
        return look()
    if name not in known:
        known[name] = look()
    value: Value = known[name]
    return value


def notices() -> DeltaGenerator:
    """The place for what is said of a link, where a page or a fragment first asks for it."""
    return once("notices", st.container)
