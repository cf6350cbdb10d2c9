"""Three objectives from the same start: scrubbed together, with what became of each run."""

from typing import NamedTuple

import streamlit as st

from dashboard.chapters.gans.scenes import objectives as scenes
from dashboard.chapters.gans.scenes.objectives import Record, Run
from dashboard.chapters.gans.scenes.objectives_film import covered_chart, objectives_scene
from dashboard.chapters.gans.shared import averaged, cards
from dashboard.components.scene import Scene
from dashboard.plots.charts import loss_chart
from dashboard.shared import catalogue, controls, parts
from dashboard.shared.compute import computed
from dashboard.shared.guard import guarded
from dashboard.shared.taken import Arrays, take_away
from genlab.measures.modes import NEIGHBOURS, RADIUS, Modes, modes_of
from genlab.model import ExportedModel

DRAWS, DRAW = 4, 2_500
"""Independent draws of so many samples, each against a part of its own of the reference data."""


class Choice(NamedTuple):
    """A data set's textbook runs, and the k that is looked at with its runs."""

    runs: list[Run]
    k: int
    shown: list[Run]


def choose() -> Choice:
    """Data set and k; the page stops here with advice where there are no textbook runs."""
    sets = scenes.textbook_runs(cards())
    if not sets:
        st.info(
            "There is nothing to compare yet: this view wants GANs with the textbook's objectives, "
            "no penalty and the same seed. Train and export some: `python -m training list` shows "
            "the recipes (`moons-gan-minimax` and its like).",
            icon=":material/inventory_2:",
        )
        st.stop()
    with st.container(horizontal=True, gap="medium"):
        titles = {name: catalogue.dataset_title(name) for name in sets}
        runs = sets[controls.pick("Data set", titles, "gan_set")]
        ks = [str(k) for k in sorted({run.k for run in runs})]
        words = "How often the discriminator steps before each step of the generator."
        k = controls.choose("k, steps of D for one of G", ks, "gan_k", words)
    return Choice(runs, int(k), [run for run in runs if run.k == int(k)])


def opened(runs: list[Run]) -> list[ExportedModel]:
    """The models of runs."""
    return [catalogue.open_model(run.card.id) for run in runs]


_modes = computed(keep="resource")(modes_of)
_same_start = computed(entries=64)(scenes.same_start)
_least_belief = computed(entries=64)(scenes.least_belief)


@computed(entries=64, keep="resource", spinner="Measuring what the generators cover …")
def _record(model: ExportedModel, seed: int, modes: Modes | None) -> Record | None:
    """What one run covers; None where there are no data to compare with."""
    data = catalogue.reference(model.card, DRAWS * DRAW)
    part = len(data) // DRAWS
    if part <= NEIGHBOURS:
        return None
    z = model.latent(DRAWS * DRAW, seed=seed).reshape(DRAWS, DRAW, -1)
    return scenes.record(model, z, data[: DRAWS * part].reshape(DRAWS, part, -1), modes)


@computed(entries=8, keep="resource", spinner="Running every checkpoint of the runs …")
def _film(runs: list[Run], n: int, seed: int, _rows: list[Record]) -> Scene:
    card, models = runs[0].card, opened(runs)
    data, z = catalogue.reference(card, n), models[0].latent(n, seed=seed)
    return objectives_scene(runs, models, _rows, z, data, card.extent or catalogue.WINDOW)


@guarded()
def show(choice: Choice, n: int, seed: int) -> None:
    """The runs of one k on one timeline, and all runs in the charts and the table."""
    models = opened(choice.runs)
    modes = catalogue.exactly(choice.runs[0].card.dataset, "decode", _modes)
    found = [_record(model, seed, modes) for model in models]
    measured = [(run, row) for run, row in zip(choice.runs, found, strict=True) if row]
    if not scenes.common_steps(choice.shown):
        st.info("These runs kept no checkpoints of the same steps.", icon=":material/hide_image:")
        return
    rows = [row for run, row in measured if run.k == choice.k]
    parts.film(_film(choice.shown, n, seed, rows), key="gan_race")
    _tell_start(choice.runs, _same_start(models))
    if measured:
        _tell_order(choice, measured)
        st.subheader("What became of each run")
        _tell_outcome(choice.k, measured, modes)
        st.subheader(f"The two losses, k = {choice.k}")
        _show_losses(choice.shown)


def _tell_start(runs: list[Run], same: bool) -> None:
    every = f"All {len(runs)} runs (every objective and k)"
    if not same:
        told = "should start from the same weights, but their checkpoints of step 0 differ."
        st.warning(f"{every} {told}", icon=":material/difference:")
        return
    st.caption(
        f":material/check: {every} start from the same weights: checked, their checkpoints of "
        f"step 0 are equal, number by number. {averaged(runs[0].card)}"
    )


def _tell_order(choice: Choice, measured: list[tuple[Run, Record]]) -> None:
    """Where the order of the runs contradicts the lecture: that, why, and what more seeds say."""
    rows = [(run, row) for run, row in measured if run.k == choice.k]
    if not scenes.contradicts(rows):
        return
    ends = ", ".join(f"{run.name.split(',')[0]} {row.share[-1]:.0%}" for run, row in rows)
    least = min(_least_belief(catalogue.open_model(run.card.id)) for run, _ in rows)
    st.markdown(
        f"**At k = {choice.k} the non-saturating run covers least, against the lecture's advice** "
        f"({ends}). The advice is for a discriminator that is sure of the samples. Here it never "
        f"is: the median D(G(z)) of no checkpoint is below {least:.2f}, and at D = ½ minimax and "
        f"non-saturating have the same slope. {scenes.seeds([run for run, _ in rows])}"
    )


def _tell_outcome(k: int, measured: list[tuple[Run, Record]], modes: Modes | None) -> None:
    """What became of each run, and what it covered over the training."""
    runs, rows = [run for run, _ in measured], [row for _, row in measured]
    fallen = sum(scenes.judge(row).startswith("collapsed") for row in rows)
    st.markdown(f"{fallen or 'None'} of the {len(rows)} runs collapsed.")
    st.dataframe(scenes.table(runs, rows), hide_index=True)
    shown = [True, False] if modes else [False]
    for column, by_modes in zip(st.columns(len(shown)), shown, strict=True):
        what = "Modes" if by_modes else "Share of the data"
        with column:
            words = f"{what} covered by each run over the training steps."
            parts.chart(covered_chart(runs, rows, k, by_modes), words, f"covered_{by_modes}")
    count = (
        f"The {len(modes)} modes were found in the exact model; one counts as covered where a "
        f"sample lies within {RADIUS:g} of its standard deviations (PacGAN). "
        if modes
        else "These data have no separate modes to count. "
    )
    thin = " Thin lines: the other k." if len({run.k for run in runs}) > 1 else ""
    st.caption(f"Long blue dashes: samples of the data themselves, {rows[0].perfect:.1%}.{thin}")
    with st.expander("When a run has collapsed, and how coverage is measured"):
        st.markdown(
            f"{scenes.RULE}  \nEstimated from {DRAWS} draws of {DRAW:,} samples, ± one standard "
            f"error. {count}Share of the data covered: data points with a sample nearer than their "
            f"{NEIGHBOURS}th nearest data point (Naeem et al. 2020)."
        )


def offer(choice: Choice, models: list[ExportedModel], n: int, seed: int) -> None:
    """Files of the step that the film shows: every run's samples, from the same noise."""
    steps = scenes.common_steps(choice.shown)
    if not steps:
        return
    z = models[0].latent(n, seed=seed)

    def at(frame: int) -> Arrays:
        return {one.card.id: one.at(steps[frame]).decode(z) for one in models} | {"z": z}

    said = " ".join(f"{one.card.id} {one.card.check.sha256}" for one in models)
    take_away(
        "Samples",
        f"{models[0].card.dataset}-k{choice.k}-{{}}-seed{seed}",
        f"{said} {n} {seed} objectives",
        at,
        frames=[f"step{step}" for step in steps],
        size=z.nbytes,
    )


def _show_losses(runs: list[Run]) -> None:
    for column, run in zip(st.columns(len(runs)), runs, strict=True):
        with column:
            st.markdown(f"**{run.name}**")
            words = f"Losses of generator and discriminator of the run {run.name}."
            parts.chart(loss_chart(run.card, "loss"), words, f"loss_{run.card.id}")
