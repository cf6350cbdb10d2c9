"""A mixture by maximum likelihood, step by step: EM beside gradient ascent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from dashboard.chapters.fits import density, saving
from dashboard.chapters.fits.data import Sample
from dashboard.chapters.fits.scenes import mixture as scenes
from dashboard.chapters.fits.scenes.density import CELLS, middles
from dashboard.chapters.fits.scenes.mixture import STEPS, Race
from dashboard.components.scene import Scene
from dashboard.shared import controls
from dashboard.shared.compute import computed
from dashboard.shared.guard import guarded
from dashboard.shared.links import Linked, linked
from dashboard.shared.taken import Arrays, take_away
from genlab.fits.mixture import Mixture, Shape

STAGE = "mixture_stage"
Centres = tuple[tuple[float, float], ...]
SHAPES = {"full": "full", "diagonal": "diagonal", "spherical": "spherical"}
STARTS = {"seed": "from the seed", "hand": "by hand"}
GRADIENTS = {"sgd": "a quarter", "all": "all"}
MOST = 12


@dataclass(frozen=True)
class Choice:
    """What mixture is fitted, and how: the `rate` is that of the gradient's steps."""

    k: int
    shape: Shape
    by_hand: bool
    rate: float
    stochastic: bool


def choose_shape() -> Shape:
    """What the covariances may be."""
    words = "**full**: any ellipse · **diagonal**: along the axes · **spherical**: circles"
    told = controls.choose_named("Covariance", SHAPES, "fit_shape", "full", help=words)
    return cast(Shape, told)


def choose(sample: Sample, settings: DeltaGenerator) -> Choice:
    """What mixture is fitted and from where; how the gradient climbs goes to `settings`."""
    most = min(MOST, len(sample.train))
    k = controls.whole("Components k", "fit_c", 1, most, min(8, most))
    shape = choose_shape()
    words = "By hand: click where centres should be in the left picture, or drag them."
    start = controls.choose_named("Start", STARTS, "fit_start", "seed", help=words)
    with settings:
        told = "How far each step goes along the gradient. EM has no such number."
        rate = controls.number("Step size of the gradient", "fit_rate", 0.3, told, high=2.0)
        told = (
            "All points at each step, or a quarter drawn anew: four smaller looks in the same pass."
        )
        batch = controls.choose_named("Points a step", GRADIENTS, "fit_batch", "sgd", help=told)
    return Choice(k, shape, start == "hand", rate, batch == "sgd")


@computed(entries=32, keep="resource", light=True)
def raced(_sample: Sample, key: str, choice: Choice, centres: Centres) -> tuple[Race, Scene]:
    """Both ways up from the same start, and their film."""
    first = scenes.begin(_sample, choice.k, choice.shape, centres)
    found = scenes.race(_sample, first, choice.rate, choice.stochastic)
    return found, scenes.scene(found, _sample, centres, on_line(_sample))


def on_line(sample: Sample) -> NDArray[np.float64] | None:
    """Places and the exact density there [m, 2], of a known distribution on the line."""
    true = density.truth(sample) if sample.d == 1 else None
    if true is None:
        return None
    return np.stack([middles(sample, 4 * CELLS)[0], np.exp(true)], -1)


def _centres(sample: Sample, choice: Choice) -> tuple[Linked, Centres]:
    """The stage, and where a start by hand has its centres: at first where the seed has them."""
    points = {}
    if choice.by_hand:
        means = scenes.begin(sample, choice.k, choice.shape).means
        places = np.c_[means, np.zeros(len(means))][:, :2]
        points = {f"c{i}": (float(x), float(y)) for i, (x, y) in enumerate(places)}
    at = linked(STAGE, points=points, frame_name="fit_step", count=STEPS + 1)
    return at, tuple(at.points[name] for name in points)


@st.fragment
@guarded()
def show(sample: Sample, choice: Choice) -> None:
    """The film; a centre that is dragged runs this fragment alone."""
    at, centres = _centres(sample, choice)
    found, scene = raced(sample, sample.key, choice, centres)
    at.show(scene, max_width=600)
    _tell(found)
    _offer(sample, choice, centres)


def _tell(found: Race) -> None:
    """What went wrong with a fit, where anything did."""
    wrong = {way.name: scenes.degenerate(way.mixtures[-1]) for way in found.both}
    told = [f"**{name}.** {words}" for name, words in wrong.items() if words]
    if told:
        st.warning("  \n".join([*told, scenes.WHY]), icon=":material/compress:")
    for way in found.both:
        if way.lost is not None:
            st.warning(
                f"**{way.name} diverged at step {way.lost}**: its steps are too long for so narrow "
                "components. Its picture stands still from there. A smaller step size helps.",
                icon=":material/trending_down:",
            )
    gain = found.em.train[-1] - found.gradient.train[-1]
    if np.isfinite(gain) and len(found.em.mixtures[0].means) > 1:
        more = "above" if gain >= 0 else "below"
        st.caption(
            f"After {STEPS} passes over the data EM is {abs(gain):.3f} nats a point {more} "
            f"{found.gradient.name}. Both begin at the same mixture."
        )


def _offer(sample: Sample, choice: Choice, centres: Centres) -> None:
    """Files of the shown step: both mixtures, and the responsibilities of the points."""

    def at(frame: int) -> Arrays:
        found, _scene = raced(sample, sample.key, choice, centres)
        arrays: dict[str, NDArray[np.float64]] = {}
        for short, way in zip(("em", "gradient"), found.both, strict=True):
            mixture = way.mixtures[frame]
            lost = np.nan if way.lost is not None and frame >= way.lost else 1.0
            arrays |= {
                f"{short}_means": lost * mixture.means,
                f"{short}_weights": lost * mixture.weights,
                f"{short}_covariances": lost * mixture.covariances,
                f"{short}_responsibilities": lost * mixture.responsibilities(sample.train),
            }
        return arrays | {"x": sample.train}

    name = f"{sample.name}-mixture-k{choice.k}-{choice.shape}-n{len(sample.train)}"
    told = f"{name} {sample.key} {choice} {centres}"
    take_away(
        "Mixtures",
        f"{name}-{{}}-seed{sample.seed}",
        told,
        at,
        frames=[f"step{step}" for step in range(STEPS + 1)],
        columns=[
            f"{short}_{part}"
            for short in ("em", "gradient")
            for part in ("weights", "means", "covariances")
        ],
        said=[f"step {step}" for step in range(STEPS + 1)],
    )

    def fit(frame: int) -> Mixture:
        return raced(sample, sample.key, choice, centres)[0].em.mixtures[frame]

    steps = [f"step{step}" for step in range(STEPS + 1)]
    said = [f"EM, step {step}" for step in range(STEPS + 1)]
    saving.offer(fit, sample, "mixture", f"k{choice.k}-{choice.shape}", told, steps, said)
