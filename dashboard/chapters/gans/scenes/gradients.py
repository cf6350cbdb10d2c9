"""What the generator feels: the size of its loss's gradient against D(G(z)), on the real critic.

With s the critic's log-odds and D = σ(s), the minimax loss log(1 − D) has |∂L/∂s| = D, which is
nothing just where D is sure of a forgery; the non-saturating −log D has 1 − D, which is most there
(Goodfellow et al. 2014, section 3). The least-squares (s − 1)² has 2 |1 − s|.

Nothing is differentiated on paper here but these curves: ∇ₓL is measured by central differences of
the loss through the exported critic, at the generator's own points.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from dashboard.chapters.gans.scenes.game import belief_film
from dashboard.chapters.gans.scenes.objectives import OBJECTIVES
from dashboard.components.scene import Arrows, Curve, Pane, Points, Scene, Timeline
from dashboard.plots.charts import log_step, step_timeline
from genlab.contract.card import Card
from genlab.measures.density import Extent
from genlab.measures.discriminator import judged
from genlab.model import ExportedModel

Array = NDArray[np.float32]
Float = NDArray[np.float64]
LOSSES: Mapping[str, Callable[[Float], Float]] = {
    "minimax": lambda s: -np.logaddexp(0, s),  # log(1 − D)
    "nonsaturating": lambda s: np.logaddexp(0, -s),  # −log D
    "least-squares": lambda s: (s - 1) ** 2,
}
"""The generator's loss of one forgery from the critic's output on it, nats (squared: score²)."""
CURVES: Mapping[str, Callable[[Float], Float]] = {
    "minimax": lambda d: d,
    "nonsaturating": lambda d: 1 - d,
    "least-squares": lambda d: 2 * np.abs(1 - d),
}
"""|∂L/∂s| as a function of D."""
HALF_STEP = 1 / 2_000
"""Half the distance of the central differences, as a share of the window's width."""


def losses_for(card: Card) -> list[str]:
    """The losses that can be asked of this critic; none of one without probability."""
    losses = {"logit": ["minimax", "nonsaturating"], "target": ["least-squares"]}
    return losses.get(judged(card), [])


@dataclass(frozen=True, eq=False)
class Pull:
    """The generator's points at one snapshot and what its losses do there.

    Attributes:
        step: Training step.
        x: Forgeries [n, 2], data units.
        d: D(G(z)) [n]; a score with targets 0 and 1 stands for it as it is, also beyond them.
        slope: |∇ₓ s| of the critic's output [n].
        gradient: ∇ₓL [n, 2] of each loss, per data unit.
        error: Largest change of |∇ₓL| where the step of the differences is halved, as a share of
            the largest |∇ₓL|.
    """

    step: int
    x: Array
    d: Float
    slope: Float
    gradient: dict[str, Float]
    error: float

    def size(self, loss: str) -> Float:
        """|∇ₓL| [n] per data unit."""
        return _norm(self.gradient[loss])

    def median(self, loss: str) -> float:
        """The median of |∇ₓL|."""
        return float(np.median(self.size(loss)))


def pull(model: ExportedModel, step: int, z: Array, extent: Extent) -> Pull:
    """Measure the gradients at the forgeries of the latents `z` [n, 2], at one snapshot."""
    at = model.at(step)
    x = at.decode(z)
    s = at.critic(x)
    d = expit(s.astype(np.float64)) if judged(model.card) == "logit" else s.astype(np.float64)
    names = losses_for(model.card)
    half = HALF_STEP * (extent[1] - extent[0])
    coarse, fine = (_differences(at, x, names, h) for h in (half, half / 2))
    changes = [
        np.abs(_norm(coarse[name]) - _norm(fine[name])).max() / max(_norm(fine[name]).max(), 1e-30)
        for name in names
    ]
    gradient = {name: coarse[name] for name in names}
    return Pull(step, x, d, _norm(coarse["s"]), gradient, float(max(changes)))


def _differences(
    at: ExportedModel, x: Array, names: Sequence[str], half: float
) -> dict[str, Float]:
    """Central differences [n, 2] of the critic's output "s" and of each loss of it."""
    steps = np.asarray([[half, 0], [-half, 0], [0, half], [0, -half]], np.float32)
    places = x[None] + steps[:, None]  # [4, n, 2]
    # The distance that float32 really makes of it.
    apart = np.stack([places[0, :, 0] - places[1, :, 0], places[2, :, 1] - places[3, :, 1]], 1)
    s = at.critic(places.reshape(-1, 2)).reshape(4, -1).astype(np.float64)
    out = {}
    for name in ("s", *names):
        value = s if name == "s" else LOSSES[name](s)
        out[name] = np.stack([value[0] - value[1], value[2] - value[3]], 1) / apart
    return out


def _norm(vectors: Float) -> Float:
    return np.asarray(np.linalg.norm(vectors, axis=1))


def pulls(model: ExportedModel, z: Array, extent: Extent) -> list[Pull]:
    """`pull` at every snapshot."""
    return [pull(model, step, z, extent) for step in model.card.steps]


def pull_scene(model: ExportedModel, found: Sequence[Pull], data: Array, extent: Extent) -> Scene:
    """How each loss would pull the forgeries: arrows along −∇ₓL on D, snapshot by snapshot.

    All arrows of the film are on one scale, which its longest tenth decides: the length of an arrow
    says how much a point is pulled, in both panes and at every step.
    """
    names = losses_for(model.card)
    surface = belief_film([model.at(one.step) for one in found], extent)
    assert surface is not None
    sizes = np.concatenate([one.size(name) for one in found for name in names])
    unit = 0.11 * (extent[1] - extent[0]) / max(float(np.quantile(sizes, 0.9)), 1e-12)
    x = np.stack([one.x for one in found])
    panes = []
    for name in names:
        vec = np.stack([-unit * one.gradient[name] for one in found])
        longest = 0.25 * (extent[1] - extent[0])
        length = np.linalg.norm(vec, axis=-1, keepdims=True)
        vec = vec * np.minimum(1, longest / np.maximum(length, 1e-12))
        panes.append(
            Pane(
                f"{OBJECTIVES[name]} loss",
                extent,
                [
                    surface,
                    Points(data[None], "data", "data", radius=1.2, opacity=0.4),
                    Points(x, "model", "forgeries G(z)", radius=1.8),
                    Arrows(x, vec.astype(np.float32), "critic", "−∇ₓL", width=1.2),
                ],
                alt=f"Forgeries with arrows along which the {OBJECTIVES[name]} loss pulls them.",
            )
        )
    return Scene(panes, _timeline(found, names))


def _timeline(found: Sequence[Pull], names: Sequence[str]) -> Timeline:
    steps = [one.step for one in found]
    middle = np.array([np.median(one.d) for one in found])
    labels = [
        f"step {one.step:,} · median D(G(z)) = {value:.3f}"
        for one, value in zip(found, middle, strict=True)
    ]
    curve = Curve(middle, "critic", "median D(G(z))", x=log_step(steps), span=(0, 1))
    return step_timeline(steps, labels, [curve], start=most_telling(found))


def most_telling(found: Sequence[Pull]) -> int:
    """The snapshot at which D is surest of the forgeries: where two losses differ most.

    Where there is one loss alone, the snapshot after the start at which it pulls most.
    """
    if len(found[0].gradient) > 1:
        return int(np.argmin([np.median(one.d) for one in found]))
    (name,) = found[0].gradient
    return int(np.argmax([0.0, *(one.median(name) for one in found[1:])]))
