"""The field: the learned score beside the exact one, over a timeline of noise levels."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.chapters.diffusion.scenes import field as scenes
from dashboard.chapters.diffusion.shared import DiffusionSelection, units_of
from dashboard.components.scene import Scene
from dashboard.shared import catalogue, parts
from dashboard.shared.compute import computed
from dashboard.shared.taken import take_away
from genlab.diffusion.diffused import noised as noised_at
from genlab.diffusion.diffused import visible
from genlab.diffusion.schedules import respace
from genlab.diffusion.units import to_diffusion
from genlab.measures.density import Extent, grid
from genlab.model import ExportedModel
from genlab.runtime.noise import normal

LEVELS = 40  # noise levels of the score field, t = 0 not counted
ON_FIELD = 1_000  # noised data on which the error of the field is measured


@dataclass(frozen=True, eq=False)
class _Seen:
    """The film, and what it shows: times t[F], the model's field and the exact one where known.

    `called` is what the model's field is, "learned" or itself "exact".
    """

    scene: Scene
    called: str
    times: list[int]
    learned: scenes.Field
    exact: scenes.Field | None


@computed(entries=8, keep="resource", spinner="Evaluating the score at every noise level …")
def _seen(look: DiffusionSelection) -> _Seen:
    card, extent, stop = look.card, look.extent, catalogue.watcher()
    full = look.model.schedule(look.named)
    times = respace(full, min(LEVELS, len(full) - 1))[:0:-1]  # no sampler asks at t = 0
    levels = full[times]
    data = catalogue.reference(card, min(look.n, ON_FIELD))
    eps = normal(look.seed, data.shape, "forward")
    noised = noised_at(card, to_diffusion(card, data), eps, levels)

    def true_field(exact: ExportedModel) -> scenes.Field | None:
        alike = units_of(card) == units_of(exact.card)
        return scenes.look(exact, levels, noised, extent, stop) if alike else None

    def true_density(exact: ExportedModel) -> NDArray[np.float32]:
        return visible(exact, levels, extent, scenes.CELLS, stop, blur=0.0)

    learned, trained = scenes.look(look.model, levels, noised, extent, stop), card.kind == "trained"
    truth = catalogue.exactly(card.dataset, "denoise", true_field) if trained else None
    density = catalogue.exactly(card.dataset, "log_prob_t", true_density)
    places = times.tolist()
    scene = scenes.field_scene(learned, truth, levels, places, noised, density, extent, trained)
    return _Seen(scene, "learned" if trained else "exact", places, learned, truth)


def show(look: DiffusionSelection) -> None:
    """The learned and the exact score, over a timeline of noise levels."""
    seen = _seen(look)
    parts.film(seen.scene, key="field_frame")
    score = r"\nabla_{x_t} \log q(x_t) = -\hat\varepsilon / \sigma_t"
    with st.expander("What the arrows and the error are"):
        st.markdown(
            f"The score is ${score}$. Longer arrows are larger scores, but not in proportion: they "
            "are shortened to fit. The error is that of $\\hat\\varepsilon$, root mean square per "
            "coordinate over data with noise, ± standard error: 0 is perfect, 1 is as large as the "
            "noise itself."
        )
    _offer(look, seen)


def arrows(seen: _Seen, extent: Extent, frame: int) -> dict[str, NDArray[np.float32]]:
    """Feet of the arrows in data units, and the scores there in units of the noise, [n, 2]."""
    fields = {seen.called: seen.learned} | ({"exact": seen.exact} if seen.exact else {})
    feet = {"x": grid(extent, scenes.ARROWS).astype(np.float32)}
    return feet | {name: one.scores[frame].astype(np.float32) for name, one in fields.items()}


def _offer(look: DiffusionSelection, seen: _Seen) -> None:
    """The arrows of the frame shown, to take away."""
    name = f"{look.card.id}-score-{look.schedule}-{{}}-seed{look.seed}"
    take_away(
        "Scores",
        name,
        f"{name} {sorted(look.card.files.items())}",
        partial(arrows, seen, look.extent),
        frames=[f"t{t}" for t in seen.times],
        film="field_frame_stage",
        size=2 * seen.learned.cells.nbytes,
    )
