"""How each loss would pull the forgeries, at every snapshot; measured by `measures.gradients`."""

from collections.abc import Sequence

import numpy as np

from dashboard.chapters.gans.scenes.game import belief_film
from dashboard.chapters.gans.scenes.objectives import OBJECTIVES
from dashboard.components.scene import Arrows, Curve, Layer, Pane, Points, Scene, Timeline
from dashboard.plots.charts import log_step, step_timeline
from genlab.measures.density import Extent
from genlab.measures.gradients import Pull, losses_for
from genlab.model import Array, ExportedModel


def pull_scene(model: ExportedModel, found: Sequence[Pull], data: Array, extent: Extent) -> Scene:
    """How each loss would pull the forgeries: arrows along −∇ₓL on D, snapshot by snapshot.

    All arrows of the film, in both panes, are on one scale, which its longest tenth decides.
    """
    names = losses_for(model.card)
    surface = belief_film([model.at(one.step) for one in found], extent)
    assert surface is not None
    sizes = np.concatenate([one.size(name) for one in found for name in names])
    width = extent[1] - extent[0]
    unit = 0.11 * width / max(float(np.quantile(sizes, 0.9)), 1e-12)
    x, panes = np.stack([one.x for one in found]), []
    for name in names:
        vec = np.stack([-unit * one.gradient[name] for one in found])
        length = np.linalg.norm(vec, axis=-1, keepdims=True)
        vec = vec * np.minimum(1, 0.25 * width / np.maximum(length, 1e-12))
        layers: list[Layer] = [
            surface,
            Points(data[None], "data", "data", radius=1.2, opacity=0.4),
            Points(x, "model", "forgeries G(z)", radius=1.8),
            Arrows(x, vec.astype(np.float32), "critic", "−∇ₓL", width=1.2),
        ]
        alt = f"Forgeries with arrows along which the {OBJECTIVES[name]} loss pulls them."
        panes.append(Pane(f"{OBJECTIVES[name]} loss", extent, layers, alt))
    return Scene(panes, _timeline(found))


def _timeline(found: Sequence[Pull]) -> Timeline:
    steps = [one.step for one in found]
    middle = np.array([np.median(one.d) for one in found])
    pairs = zip(steps, middle, strict=True)
    labels = [f"step {step:,} · median D(G(z)) = {value:.3f}" for step, value in pairs]
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
