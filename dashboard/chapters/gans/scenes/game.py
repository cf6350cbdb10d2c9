"""Scenes of a generative adversarial network: the game between generator and discriminator.

The discriminator's surface, D(x) = σ(logit), over the plane, the generator's samples on it, and
the latent grid that the generator bends onto the data (lecture: GANs; Goodfellow et al. 2014,
https://arxiv.org/abs/1406.2661).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dashboard.chapters.flows.scenes.density import LATENT_EXTENT, gaussian_heat
from dashboard.chapters.flows.scenes.layers import lattice
from dashboard.components.scene import Handle, Heatmap, Layer, Lines, Marker, Pane, Points, Scene
from dashboard.plots.charts import snapshot_timeline
from genlab.measures.density import Extent, grid
from genlab.measures.discriminator import Judged, belief, judged
from genlab.model import Array, ExportedModel

WEB = lattice(lines=17, nodes=97)


@dataclass(frozen=True)
class Judgement:
    """One latent point and what the two networks make of it: x = G(z) and what the critic says.

    `belief` is D(G(z)), the discriminator's probability that this sample is real, if it has one.
    """

    z: tuple[float, float]
    x: tuple[float, float]
    critic: float
    judged: Judged
    belief: float | None


def judge(model: ExportedModel, z: tuple[float, float]) -> Judgement:
    """Push one latent point through generator and critic."""
    x = model.decode(np.asarray([z], dtype=np.float32))
    critic = model.critic(x)
    judges, said = judged(model.card), belief(model.card, critic)
    at = (float(x[0, 0]), float(x[0, 1]))
    return Judgement(z, at, float(critic[0]), judges, None if said is None else float(said[0]))


PALE = 0.6
"""How strong a surface of D gets at 0 and 1: points of the same colours stand out on it."""


def belief_heat(values: Array, strength: float = PALE) -> Heatmap:
    """D [F, H, W] in [0, 1] as a heat map: towards the data's colour it says real, pale at ½."""
    shades = 0.5 + strength * (values - 0.5)
    return Heatmap(shades, "data", "D from 0 to 1, pale at ½", diverging=True)


def critique(model: ExportedModel, extent: Extent, size: int) -> Array:
    """What the critic says on a grid [size, size] over `extent`: log-odds, or a score."""
    return model.critic(grid(extent, size)).reshape(size, size)


def belief_film(at: Sequence[ExportedModel], extent: Extent, size: int = 64) -> Heatmap | None:
    """D over `extent` at each of a model's snapshots; None of a critic without probability."""
    values = belief(at[0].card, np.stack([critique(model, extent, size) for model in at]))
    return None if values is None else belief_heat(values)


def _surface(values: Array, judges: Judged) -> Heatmap:
    """The critic [F, H, W] on a symmetric scale around the page's background: "cannot tell".

    A score of which only differences count has no such place, so its median stands there.
    """
    centre = {"logit": 0.0, "margin": 0.0, "target": 0.5}.get(judges, float(np.median(values[-1])))
    top = max(float(np.quantile(np.abs(values[-1] - centre), 0.99)), 1e-3)
    words = {
        "logit": f"D: log-odds of real, ±{top:.2g}",
        "target": f"discriminator's score, 0.5 ± {top:.2g}",
        "margin": f"discriminator's score, 0 ± {top:.2g}",
        "pairs": f"discriminator's score, ±{top:.2g}",
    }[judges]
    shades = 0.5 + 0.5 * (values - centre) / top
    return Heatmap(shades, "data", words, diverging=True, low_role="model")


def _web(nodes: Array) -> Lines:
    """The grid of z or its image: one chip of the legend shows both."""
    grid = nodes.reshape(-1, *WEB.shape)
    return Lines(grid, "noise", "grid of z, bent by G", opacity=0.45, visible=False)


def game_scene(
    surface: Array,
    data: Array,
    z: Array,
    samples: Array,
    web: Array,
    extent: Extent,
    probe: Judgement,
) -> Scene:
    """The plane of data with the samples on the discriminator's surface, and the latent plane.

    `surface` [H, W] is what the critic says; `web` [lines·nodes, 2] the image of the latent grid;
    `probe` the latent point that a person drags.
    """
    layers = _on_data(_surface(surface[None], probe.judged), web, data, samples[None])
    layers.append(Marker(np.asarray(probe.x), "accent", "your G(z)", text="G(z)"))
    latents: list[Layer] = [
        gaussian_heat(),
        _web(WEB),
        Points(z[None], "model", "latents of the samples", radius=1.3, opacity=0.4),
        Handle("z", probe.z, "accent", "your z"),
    ]
    alt = "The discriminator's output in colour, with data, samples and the bent grid of noise."
    alt_z = "The plane of noise with the latents drawn, a grid and a point to drag."
    right = Pane("noise z", LATENT_EXTENT, latents, alt_z, pick="z")
    return Scene([Pane("data x = G(z)", extent, layers, alt), right])


def _on_data(surface: Heatmap, web: Array, data: Array, samples: Array) -> list[Layer]:
    """The plane of data: the critic's surface, the bent latent grid, data and samples."""
    return [
        surface,
        _web(web),
        Points(data[None], "data", "data", radius=1.5, opacity=0.5),
        Points(samples, "model", "samples G(z)", radius=1.7),
    ]


def training_scene(model: ExportedModel, z: Array, data: Array, extent: Extent) -> Scene:
    """Every snapshot of the training: samples, the discriminator's surface, the bent grid."""
    at = [model.at(step) for step in model.card.steps]
    surface = _surface(np.stack([critique(one, extent, 72) for one in at]), judged(model.card))
    every = np.concatenate([z, WEB.reshape(-1, 2)])
    out = np.stack([one.decode(every) for one in at])
    layers = _on_data(surface, out[:, len(z) :], data, out[:, : len(z)])
    alt = "Samples on the discriminator's output in colour, at each checkpoint of the training."
    return Scene([Pane("data x = G(z)", extent, layers, alt)], snapshot_timeline(model.card))
