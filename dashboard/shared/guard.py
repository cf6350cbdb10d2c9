"""Failures become sentences: what broke, and what to do; never a traceback on a page."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from dashboard.components.scene import SceneError
from dashboard.shared.rerun import rerun
from genlab.contract.errors import ContractError
from genlab.runtime.errors import Busy, InputError, NoGpuError, RunError, Stopped


@contextmanager
def without(what: str) -> Iterator[None]:
    """Around what another model adds to a page: where it is broken, a warning says without what."""
    try:
        yield
    except (ContractError, RunError) as error:
        st.warning(f"Shown without {what}. {error}", icon=":material/broken_image:")


@contextmanager
def guarded() -> Iterator[None]:
    """Around a page or a fragment: show the known failures of models and inputs in words.

    Anything else is a bug and stays loud. Inside, the catalogue is looked at once.
    """
    try:
        with rerun():
            yield
    except ContractError as error:
        st.error(str(error), icon=":material/broken_image:")
    except (InputError, NoGpuError, RunError, SceneError) as error:
        st.error(str(error), icon=":material/block:")
    except Stopped:
        pass  # nobody is there to read anything
    except Busy:
        st.warning(
            "Many people are computing right now. Please try again in a few seconds.",
            icon=":material/hourglass_top:",
        )
