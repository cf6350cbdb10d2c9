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

from genlab.contract.card import Card
from genlab.measures.density import Extent
from genlab.measures.discriminator import Gan, judged

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


def pull(model: Gan, step: int, z: Array, extent: Extent) -> Pull:
    """Measure the gradients at the forgeries of the latents `z` [n, 2], at one snapshot."""
    at = model.at(step)
    x = at.decode(z)
    s = at.critic(x)
    d = expit(s.astype(np.float64)) if judged(model.card) == "logit" else s.astype(np.float64)
    names = losses_for(model.card)
    half = HALF_STEP * (extent[1] - extent[0])
    gradient, fine = (_differences(at, x, names, h) for h in (half, half / 2))
    slope = _norm(gradient.pop("s"))
    sizes = [(_norm(gradient[name]), _norm(fine[name])) for name in names]
    error = max(np.abs(one - other).max() / max(other.max(), 1e-30) for one, other in sizes)
    return Pull(step, x, d, slope, gradient, float(error))


def _differences(at: Gan, x: Array, names: Sequence[str], half: float) -> dict[str, Float]:
    """Central differences [n, 2] of the critic's output "s" and of each loss of it."""
    steps = np.asarray([[half, 0], [-half, 0], [0, half], [0, -half]], np.float32)
    places = x[None] + steps[:, None]  # [4, n, 2]
    # The distance that float32 really makes of it.
    apart = np.stack([places[0, :, 0] - places[1, :, 0], places[2, :, 1] - places[3, :, 1]], 1)
    s = at.critic(places.reshape(-1, 2)).reshape(4, -1).astype(np.float64)
    values = {"s": s, **{name: LOSSES[name](s) for name in names}}
    return {name: np.stack([v[0] - v[1], v[2] - v[3]], 1) / apart for name, v in values.items()}


def _norm(vectors: Float) -> Float:
    return np.asarray(np.linalg.norm(vectors, axis=1))


def pulls(model: Gan, z: Array, extent: Extent) -> list[Pull]:
    """`pull` at every snapshot."""
    return [pull(model, step, z, extent) for step in model.card.steps]
