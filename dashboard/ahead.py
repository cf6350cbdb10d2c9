"""Opening models in the background, so that whoever chooses one next does not wait for it.

onnxruntime takes a quarter of a second to compile the density of a spline flow and a second for all
four of its graphs; the other families take milliseconds, and nobody opens those ahead.
"""

from contextlib import suppress
from itertools import product
from threading import Thread, main_thread

import streamlit as st

from dashboard import services
from genlab.contract.errors import ContractError
from genlab.inference.errors import RunError
from genlab.inference.model import Model


def open_ahead(*verbs: str) -> None:
    """Compile these verbs of all models of the plane that have layers; the first verb first.

    Done once for each export.
    """
    able = services.models_with("layers", *verbs)
    _opened(verbs, tuple((entry.id, services.stamp(entry.id)) for entry in able))


@st.cache_resource(max_entries=8, show_spinner=False)
def _opened(verbs: tuple[str, ...], stamps: tuple[tuple[str, str], ...]) -> None:
    models: list[Model] = []
    for model_id, _ in stamps:
        with suppress(ContractError):  # what is broken is said where somebody looks at it
            models.append(services.open_model(model_id))

    def work() -> None:
        for verb, model in product(verbs, models):
            if not main_thread().is_alive():
                return  # the server is about to end: it need not wait for the rest
            with suppress(ContractError, RunError):
                model.open(verb)

    # Not a daemon: a process that ends while onnxruntime compiles in a thread aborts.
    Thread(target=work, name="open-ahead", daemon=False).start()
