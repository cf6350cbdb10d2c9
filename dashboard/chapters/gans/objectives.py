"""Three objectives from the same start: scrubbed together, with what became of each run."""

from typing import NamedTuple

import numpy as np
import streamlit as st

from dashboard.chapters.gans.scenes import objectives as gan_runs
from dashboard.chapters.gans.scenes import objectives_film as gan_race
from dashboard.chapters.gans.scenes.objectives import Record, Run
from dashboard.chapters.gans.shared import averaged, cards
from dashboard.components.scene import Scene
from dashboard.plots.charts import loss_chart
from dashboard.plots.theme import CHART, STILL
from dashboard.shared import catalogue, controls, parts
from dashboard.shared.guard import guarded
from genlab.measures.density import Extent
from genlab.measures.modes import NEIGHBOURS, RADIUS, Modes, modes_of
from genlab.runtime.sessions import heavy

DRAWS, DRAW = 4, 2_500
"""Independent draws of so many forgeries, each against a part of its own of the reference data."""
Key = tuple[tuple[str, str], ...]
"""Identifiers and stamps of some models."""


class Choice(NamedTuple):
    """A data set's textbook runs, and the k that is looked at."""

    runs: list[Run]
    k: int

    @property
    def shown(self) -> list[Run]:
        """The runs of the chosen k."""
        return [run for run in self.runs if run.k == self.k]


def choose() -> Choice:
    """Data set and k; the page stops here with advice where there are no textbook runs."""
    sets = gan_runs.textbook_runs(cards())
    if not sets:
        st.info(
            "There is nothing to compare yet: this view wants GANs with the textbook's objectives, "
            "no penalty and the same seed. Train and export some: `python -m training list` shows "
            "the recipes (`moons-gan-minimax` and its like).",
            icon=":material/inventory_2:",
        )
        st.stop()
    first = "gaussians8" if "gaussians8" in sets else None
    with st.container(horizontal=True, gap="medium"):
        runs = sets[controls.choose("Data set", list(sets), "gan_set", default=first)]
        ks = [str(k) for k in sorted({run.k for run in runs})]
        k = controls.choose(
            "k, steps of D for one of G",
            ks,
            "gan_k",
            help="How often the discriminator steps before each step of the generator.",
        )
    return Choice(runs, int(k))


def _key(runs: list[Run]) -> Key:
    return tuple((run.card.id, catalogue.stamp(run.card.id)) for run in runs)


@st.cache_resource(max_entries=16, show_spinner=False)
def _modes(dataset: str, stamp: str) -> Modes | None:
    return catalogue.exactly(dataset, "decode", modes_of)


@st.cache_resource(max_entries=64, show_spinner="Measuring what the generators cover …")
def _record(model_id: str, stamp: str, seed: int, _modes: Modes | None) -> Record | None:
    """What one run covers; None where there are no data to compare with."""
    model = catalogue.open_model(model_id)
    data = catalogue.reference(catalogue.read_catalogue().cards[model_id], DRAWS * DRAW)
    part = len(data) // DRAWS
    if part <= NEIGHBOURS:
        return None
    z = model.latent(DRAWS * DRAW, seed=seed).reshape(DRAWS, DRAW, -1)
    with heavy():
        return gan_runs.record(model, z, data[: DRAWS * part].reshape(DRAWS, part, -1), _modes)


@st.cache_resource(max_entries=8, show_spinner="Running every snapshot of the runs …")
def _film(
    key: Key, n: int, seed: int, extent: Extent, _runs: list[Run], _rows: list[Record]
) -> Scene:
    models = [catalogue.open_model(model_id) for model_id, _ in key]
    data = catalogue.reference(catalogue.read_catalogue().cards[key[0][0]], n)
    z = models[0].latent(n, seed=seed)
    with heavy():
        return gan_race.race_scene(_runs, models, _rows, z, data, extent)


@st.cache_data(max_entries=64, show_spinner=False)
def _same_start(key: Key) -> bool:
    return gan_runs.same_start([catalogue.open_model(model_id) for model_id, _ in key])


@guarded()
def show(choice: Choice, n: int, seed: int) -> None:
    """The runs of one k on one timeline, and all runs in the charts and the table."""
    card = choice.shown[0].card
    modes = _modes(card.dataset, catalogue.stamp(card.id))
    measured = [
        (run, row)
        for run in choice.runs
        if (row := _record(run.card.id, catalogue.stamp(run.card.id), seed, modes))
    ]
    rows = [row for run, row in measured if run.k == choice.k]
    if len(gan_runs.common_steps(choice.shown)) < 1:
        st.info("These runs kept no snapshots of the same steps.", icon=":material/hide_image:")
        return
    extent = card.extent or catalogue.WINDOW
    st.caption(
        "Play or scrub: every objective makes forgeries from the same noise at the same training "
        "step. Behind them its discriminator, blue where it says real."
    )
    scene = _film(_key(choice.shown), n, seed, extent, choice.shown, rows)
    parts.film(scene, key="gan_race")
    _tell_start(choice)
    if measured:
        _tell_outcome(choice, measured, modes)


def _tell_start(choice: Choice) -> None:
    same = _same_start(_key(choice.runs))
    every = f"All {len(choice.runs)} runs (every objective and k)"
    words = averaged(choice.runs[0].card)
    if same:
        st.caption(
            f":material/check: {every} start from the same weights: their snapshots of step 0 are "
            f"equal, number by number, as was just checked. {words}"
        )
    else:
        st.warning(
            f"{every} should start from the same weights, but their snapshots of step 0 differ.",
            icon=":material/difference:",
        )


def _tell_outcome(choice: Choice, measured: list[tuple[Run, Record]], modes: Modes | None) -> None:
    runs, rows = [run for run, _ in measured], [row for _, row in measured]
    st.subheader("Which run collapsed, and when")
    st.dataframe(gan_runs.table(runs, rows), hide_index=True)
    st.caption(gan_runs.RULE)
    shown = [True, False] if modes else [False]
    for column, by_modes in zip(st.columns(len(shown)), shown, strict=True):
        with column:
            chart = gan_race.covered_chart(runs, rows, choice.k, by_modes)
            what = "Modes" if by_modes else "Share of the data"
            st.plotly_chart(
                chart,
                alt=f"{what} covered by each run over the training steps.",
                key=f"covered_{by_modes}",
                config=STILL,
            )
    count = (
        f"The {len(modes)} modes were found in the exact model; one counts as covered where a "
        f"forgery lies within {RADIUS:g} of its standard deviations (PacGAN). "
        if modes
        else "These data have no separate modes to count. "
    )
    st.caption(
        f"Estimated from {DRAWS} draws of {DRAW:,} forgeries, ± one standard error. {count}Share "
        "of the data covered: data points with a forgery nearer than their "
        f"{NEIGHBOURS}th nearest data point (Naeem et al. 2020); the long dashes (blue) are what "
        f"perfect forgeries would reach, {rows[0].perfect:.1%}."
        + (" Thin lines: the other k." if len({run.k for run in runs}) > 1 else "")
    )
    st.subheader(f"The two losses, k = {choice.k}")
    for column, run in zip(st.columns(len(choice.shown)), choice.shown, strict=True):
        with column:
            st.markdown(f"**{run.name}**")
            st.plotly_chart(
                loss_chart(run.card, CHART, "loss"),
                alt=f"Losses of generator and discriminator of the run {run.name}.",
                key=f"loss_{run.card.id}",
                config=STILL,
            )


def samples(choice: Choice, n: int, seed: int) -> dict[str, np.ndarray]:
    """The final forgeries of the runs shown, by identifier, for the download."""
    found = {}
    for run in choice.shown:
        model = catalogue.open_model(run.card.id)
        found[run.card.id] = model.sample(n, seed=seed)
    return found
