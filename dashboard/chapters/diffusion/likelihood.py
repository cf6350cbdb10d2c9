"""The likelihood: the density of a dragged point with its path, and the picture behind it.

The picture of the learned density develops: a stage that has been painted asks for more, the
fragment works for a moment, and the page stays free to be touched.
"""

from contextlib import suppress
from typing import NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.chapters.diffusion.scenes import field as fields
from dashboard.chapters.diffusion.scenes.developing import STEPS, Picture, developing, frames_of
from dashboard.components.stage import peek, stage
from dashboard.plots.shading import Scale
from dashboard.plots.theme import ink
from dashboard.shared import catalogue, links, parts
from dashboard.shared.guard import guarded
from dashboard.shared.progress import Frames, kept
from dashboard.shared.refining import again
from dashboard.shared.selection import COARSE, GRID, density_grid
from genlab.contract.card import Card
from genlab.diffusion import likelihood
from genlab.measures.density import Extent
from genlab.model import ExportedModel
from genlab.runtime.errors import Busy
from genlab.runtime.sessions import heavy

Array = NDArray[np.float32]
STAGE = "likelihood_stage"
MOMENT = 0.12
"""Seconds of work on the picture before the page listens again."""
BYTES = 2**20
"""What its frames take: three grids that they share."""
PATH, QUICK = 64, 24
"""Runge-Kutta steps of a point at rest, checked by half of them; and unchecked, of a point that is
held or under the first picture."""


def _developing(model: ExportedModel, extent: Extent) -> Frames[Picture]:
    """The picture of the learned density as it comes, for whoever looks at the model."""
    return kept(("density", model, extent), lambda: developing(model, extent), frames_of(), BYTES)


class Reading(NamedTuple):
    """A point's way to noise in so many steps, and by how much half of them move its log p.

    That is None where the look is quick or the model has no divergence.
    """

    way: likelihood.Path
    steps: int
    moved: float | None = None


@st.cache_resource(max_entries=256, show_spinner=False)
def _read(model_id: str, stamp: str, point: tuple[float, float], quick: bool) -> Reading:
    model, at = catalogue.open_model(model_id), np.asarray([point])
    if quick:
        return Reading(likelihood.path(model, at, QUICK), QUICK)
    way = likelihood.path(model, at, PATH)
    if "divergence" not in model.verbs:
        return Reading(way, PATH)
    coarse = likelihood.ode_log_prob(model, at, PATH // 2)
    return Reading(way, PATH, abs(float(coarse[0] - way.log_prob[0])))


def _level(card: Card) -> int:
    """What has been painted of a model: nothing yet, a coarse picture, or the whole one (2).

    With the whole one come the point's own numbers in full.
    """
    said, token = peek(STAGE).more, f"{card.id} {catalogue.stamp(card.id)}"
    return next((level for level in (2, 1) if said.startswith(f"{token} {level}")), 0)


def painted(card: Card) -> bool:
    """Whether nothing that is quick is left to be painted; if so, the page need not run again."""
    return parts.note_painted(STAGE, _level(card) == 2)


@st.fragment
@guarded()
def likelihood_view(card: Card, extent: Extent, scale: Scale, n: int) -> None:
    """The density of one dragged point, its path, and the picture that develops behind it."""
    stamp = catalogue.stamp(card.id)
    data = catalogue.reference(card, n)
    first = (float(data[0, 0]), float(data[0, 1])) if len(data) else (0.0, 0.0)
    state = peek(STAGE, points={"x": links.point("x", first)})
    point = links.settled(state.points["x"])
    model, token = catalogue.open_model(card.id), f"{card.id} {stamp}"
    level = _level(card)
    size = GRID if level else COARSE
    exact = catalogue.exactly(
        card.dataset,
        "log_prob",
        lambda truth: density_grid(truth, extent, size),
    )
    held = state.still is not None
    reading = _read(card.id, stamp, point, held or level < 2)
    learned, status, work = None, "", None
    more = again(f"{token} {level + 1}") if level < 2 else ""
    if "divergence" in model.verbs:
        work = _developing(model, extent)
        picture = work.last or Picture(None, 0.0)
        learned, status = picture.values, _status(picture, extent)
        more = more if work.done else again(f"{token} {min(level + 1, 2)}")
    elif "log_prob" in model.verbs:
        learned, exact = density_grid(model, extent, size), None
    rest = ", and the divergence of the field on its way makes the rest of log p(x)" if work else ""
    st.caption(
        f"Click or drag anywhere: the point walks to its noise z on the probability-flow ODE{rest}."
    )
    _answer(card, point, reading)
    scene = fields.likelihood_scene(card, point, reading.way, learned, exact, data, extent, scale)
    stage(scene, key=STAGE, more=more)
    _footnote(card, point, reading, status)
    links.remember("x", point)
    if level == 2:
        parts.show_rest(STAGE)
    if work and not work.done and level == 2 and not held:
        # All is drawn: what is computed now is shown when the stage asks next. While a point is
        # held its drag has the machine to itself.
        with suppress(Busy), heavy(0.25):
            work.work(MOMENT)


def _status(picture: Picture, extent: Extent) -> str:
    """What the picture of the learned density shows, and the integral that it should have."""
    values, done = picture.values, picture.done
    if values is None:
        return f"The picture of the learned density is being computed: {done:.0%}."
    size = len(values)
    cell = (extent[1] - extent[0]) * (extent[3] - extent[2]) / size**2
    mass = float(np.nansum(np.exp(values.astype(np.float64))) * cell)
    told = (
        f"Learned density: {size} × {size} cells, an ODE of {STEPS} steps for each; "
        f"density × area adds up to {mass:.3f}"
    )
    if picture.whole:
        return told + " over the picture (a density's total is 1)."
    return told + f" in cells so coarse. A finer picture is on its way: {done:.0%}."


def _answer(card: Card, point: tuple[float, float], reading: Reading) -> None:
    """Log p(x) as a sum, beside the truth, in one row."""
    at = np.asarray([point], dtype=np.float32)
    true = catalogue.exactly(card.dataset, "log_prob", lambda exact: float(exact.log_prob(at)[0]))
    way = reading.way
    with st.container(horizontal=True, gap="large"):
        if "divergence" in card.verbs:
            value, normal_part, rest = way.log_prob[0], way.log_pz[0], way.gained[-1, 0]
            _figure(ink("model", "learned log p(x), nats"), value)
            _figure("= " + ink("noise", "log N(z; 0, I)"), normal_part)
            _figure("+ " + ink("model", "∫ ∇·v dφ") + ", units", rest)
        if true is not None:
            _figure(ink("data", "exact log p(x), nats"), true)


def _figure(label: str, value: float) -> None:
    """A number of nats; a density of zero has minus infinitely many."""
    words = f"{value:.3f}" if np.isfinite(value) else "−∞" if value < 0 else "not finite"
    st.metric(label, words, width="content")


def _footnote(card: Card, point: tuple[float, float], reading: Reading, status: str) -> None:
    """What was computed, how well, and where the path ends."""
    z = reading.way.x[-1, 0]
    ends = (
        f"x = ({point[0]:.2f}, {point[1]:.2f}), and its path ends in "
        f"({z[0]:.2f}, {z[1]:.2f}): the path that DDIM, Heun and DPM-Solver++ walk the other way. "
    )
    if reading.moved is not None:
        how = f"{reading.steps} Runge-Kutta steps; "
        how += f"half of them move log p(x) by {reading.moved:.1g}. "
    elif "divergence" in card.verbs:
        how = f"{reading.steps} Runge-Kutta steps for a first look. "
    elif card.kind == "exact":
        how = "Nothing was trained here: the density is known in closed form. "
    else:
        how = "This model has no divergence, so its path is drawn without a density. "
    st.caption(ends + how + status)
