"""The likelihood: the density of a dragged point with its path, and the picture behind it.

The picture of the learned density develops: a stage that has been painted asks for more, the
fragment works for a moment, and the page stays free to be touched.
"""

from contextlib import suppress
from dataclasses import replace
from functools import partial

import numpy as np
import streamlit as st

from dashboard.chapters.diffusion.scenes import likelihood as scenes
from dashboard.chapters.diffusion.scenes.trajectory import on_stage
from dashboard.chapters.diffusion.shared import DiffusionSelection
from dashboard.components.layers import Role
from dashboard.components.readout import Readout
from dashboard.components.stage import Point
from dashboard.plots.shading import Scale
from dashboard.shared import catalogue
from dashboard.shared.compute import computed
from dashboard.shared.guard import guarded
from dashboard.shared.links import linked
from dashboard.shared.progress import kept
from dashboard.shared.refining import Refining, refining
from dashboard.shared.selection import COARSE, GRID, density_grid
from dashboard.shared.taken import take_away
from genlab.contract.card import Card
from genlab.diffusion.likelihood import Path, ode_log_prob, path
from genlab.diffusion.units import to_diffusion
from genlab.measures.density import Extent
from genlab.model import Array, ExportedModel
from genlab.runtime.errors import Busy
from genlab.runtime.sessions import heavy

STAGE = "likelihood_stage"
MOMENT = 0.12  # seconds of work on the picture before the page listens again
BYTES = 2**20  # what its frames take: three grids that they share
UNITS = "(z − shift) / scale of the model: the noise has mean 0 and variance 1 in these units."
TERMS: dict[str, tuple[Role, str]] = {
    "= log N(z; 0, I)": ("noise", "−|z|² / 2 − log 2π, with z in units of the noise."),
    "+ ∫ ∇·v dφ": ("model", "What the divergence of the velocity adds along the path."),
    "− 2 log scale": ("neutral", "From densities in units of the noise to those in data units."),
}
"""The colour of each term of log p(x), and what it is."""
PATH, QUICK = 64, 24
"""Runge-Kutta steps of a point at rest, checked by half of them; and unchecked, of a point that is
held or under the first picture."""


@computed(entries=256, keep="resource", light=True)
def _read(model: ExportedModel, point: Point, quick: bool) -> tuple[Path, float | None]:
    """A point's path to noise, and by how much half of the steps change its log p.

    That is None where the look is quick or the model has no divergence.
    """
    at = np.asarray([point])
    way = path(model, at, QUICK if quick else PATH)
    if quick or "divergence" not in model.verbs:
        return way, None
    coarse = ode_log_prob(model, at, PATH // 2)
    return way, abs(float(coarse[0] - way.log_prob[0]))


def levels(card: Card) -> Refining:
    """A coarse picture, the whole one, and then the point's own numbers in full."""
    return refining(STAGE, card, levels=("coarse", "whole", "numbers"))


@st.fragment
@guarded()
def show(look: DiffusionSelection, scale: Scale) -> None:
    """The density of one dragged point, its path, and the picture that develops behind it."""
    card, model, extent, picture = look.card, look.model, look.extent, levels(look.card)
    data = catalogue.reference(card, look.n)
    at = linked(STAGE, points={"x": on_stage(data[0]) if len(data) else (0.0, 0.0)})
    point, held = at.points["x"], at.still is not None
    size = COARSE if picture.now == "coarse" else GRID
    exact = catalogue.exactly(
        card.dataset, "log_prob", lambda truth: density_grid(truth, extent, size)
    )
    way, moved = _read(model, point, held or not picture.last)
    learned, status, work = None, "", None
    if "divergence" in model.verbs:
        key, start = ("density", model, extent), partial(scenes.developing, model, extent)
        work = kept(key, start, scenes.frames_of(), BYTES)  # for whoever looks at the model
        found = work.last or scenes.Picture(None, 0.0)
        learned, status = found.values, _status(found, extent)
    elif "log_prob" in model.verbs:
        learned, exact = density_grid(model, extent, size), None
    scene = scenes.likelihood_scene(card, point, way, learned, exact, data, extent, scale)
    scene = replace(scene, readouts=_numbers(card, point, way))
    waits = picture.last and work is not None and not work.done
    at.show(scene, more=picture.ask() if waits else picture.more)
    _footnote(card, way, moved, status)
    _offer(look, point, way, learned, exact)
    if work and waits and not held:
        # All is drawn: what is computed now is shown when the stage asks next. While a point is
        # held its drag has the machine to itself.
        with suppress(Busy), heavy(0.25):
            work.work(MOMENT)


def _status(picture: scenes.Picture, extent: Extent) -> str:
    """What the picture of the learned density shows, and the integral that it should have."""
    values, done = picture.values, picture.done
    if values is None:
        return f"The picture of the learned density is being computed: {done:.0%}."
    size = len(values)
    cell = (extent[1] - extent[0]) * (extent[3] - extent[2]) / size**2
    mass = float(np.nansum(np.exp(values.astype(np.float64))) * cell)
    told = (
        f"Learned density: {size} × {size} cells, an ODE of {scenes.STEPS} steps for each; its "
        f"integral over the picture is {mass:.3f} (should be 1)."
    )
    return told if done == 1 else f"{told} A finer picture is being computed: {done:.0%}."


def _numbers(card: Card, point: Point, way: Path) -> list[Readout]:
    """Log p(x) as the sum of its terms, beside the truth; z in the units of its term."""
    at = np.asarray([point], dtype=np.float32)
    true = catalogue.exactly(card.dataset, "log_prob", lambda exact: float(exact.log_prob(at)[0]))
    z = ", ".join(f"{value:.3f}" for value in to_diffusion(card, way.x[-1, 0]))
    found = [Readout("z, in units of the noise", [f"({z})".replace("-", "−")], "noise", UNITS)]
    if "divergence" in card.verbs:
        terms = scenes.terms(card, way)
        found = [
            Readout("learned log p(x), nats", [_nats(sum(terms.values()))], "model"),
            *(Readout(name, [_nats(value)], *TERMS[name]) for name, value in terms.items()),
            *found,
        ]
    if true is not None:
        found.insert(0, Readout("exact log p(x), nats", [_nats(true)], "data"))
    return found


def _nats(value: float) -> str:
    """A number of nats; a density of zero has minus infinitely many."""
    if not np.isfinite(value):
        return "−∞" if value < 0 else "not finite"
    return f"{round(value, 3) + 0.0:.3f}".replace("-", "−")


def _footnote(card: Card, way: Path, moved: float | None, status: str) -> None:
    """What was computed, and how well."""
    steps = len(way.x) - 1
    if moved is not None and not np.isfinite(moved):
        how = "The path leaves what numbers can hold: so far from the data nothing was learned. "
    elif moved is not None:
        how = f"The path takes {steps} Runge–Kutta steps; half as many change log p(x) by "
        how += f"{moved:.1g} nats. "
    elif "divergence" in card.verbs:
        how = f"The path takes {steps} Runge–Kutta steps for a first look. "
    elif card.kind == "exact":
        how = "Nothing was trained here: the density is known in closed form. "
    else:
        how = "This model has no divergence, so its path is drawn without a density. "
    st.caption(how + status)


def _offer(
    look: DiffusionSelection, point: Point, way: Path, learned: Array | None, exact: Array | None
) -> None:
    """The path of the point, and the densities of the pictures on their grids, to take away."""
    card, extent = look.card, look.extent
    role = "learned" if card.kind == "trained" else "exact"
    path = {"x": way.x[:, 0], "log_snr": way.log_snr, "gained": way.gained[:, 0]}
    path |= {"log_pz": way.log_pz, "log_prob": way.log_prob}
    grids = {f"log_prob_{role}": learned, "log_prob_exact": exact}
    known = {name: values for name, values in grids.items() if values is not None}
    at = "{:.3f}_{:.3f}".format(*point)
    sizes = {name: values.shape for name, values in known.items()}
    take_away(
        "Path and densities",
        f"{card.id}-likelihood-x{at}",
        f"{card.id} {sorted(card.files.items())} {point} {len(way.x)} {sizes}",
        lambda _: {**path, **known, "extent": np.asarray(extent)},
        size=sum(values.nbytes for values in [*path.values(), *known.values()]),
        columns=["x", "log_snr", "gained"],  # a coarse grid may have as many rows as the path
    )
