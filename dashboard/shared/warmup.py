"""Opening models in the background, so that whoever chooses one next does not wait for it.

onnxruntime takes a quarter of a second to compile the density of a spline flow and a second for all
four of its graphs. Exact densities take milliseconds, and come first.
"""

import gc
from collections.abc import Hashable
from contextlib import suppress
from threading import Thread, main_thread

import streamlit as st
from streamlit import runtime

from dashboard.shared import catalogue
from dashboard.shared.compute import key_of
from genlab.contract.errors import ContractError
from genlab.model import ExportedModel
from genlab.runtime.errors import RunError


def for_visitors(*verbs: str) -> None:
    """As `open_ahead`, where there is a server and not only a test of a page's script."""
    if verbs and runtime.exists():
        open_ahead(*verbs)


def open_ahead(*verbs: str) -> None:
    """Compile once an export the plane's exact densities, then what has `verbs`, verb by verb."""
    dense, able = catalogue.models_with("log_prob"), catalogue.models_with(*verbs)
    wanted = [(card, "log_prob") for card in dense if card.kind == "exact"]
    wanted += [(card, verb) for verb in verbs for card in able]
    _opened(tuple((card.id, verb, key_of(card)) for card, verb in wanted))


@st.cache_resource(max_entries=8, show_spinner=False)
def _opened(wanted: tuple[tuple[str, str, Hashable], ...]) -> None:
    models: list[tuple[str, ExportedModel]] = []
    for model_id, verb, _ in wanted:
        with suppress(ContractError):  # what is broken is said where somebody looks at it
            models.append((verb, catalogue.open_model(model_id)))

    def work() -> None:
        for verb, model in models:
            if not main_thread().is_alive():
                return  # the server is about to end: it need not wait for the rest
            with suppress(ContractError, RunError):
                model.open(verb)
        # Models stay, with all the numbers of their cards: no later collection need walk them.
        gc.collect()
        gc.freeze()

    # Not a daemon: a process that ends while onnxruntime compiles in a thread aborts.
    Thread(target=work, name="open-ahead", daemon=False).start()
