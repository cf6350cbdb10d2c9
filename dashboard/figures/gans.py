"""Scenes of a generative adversarial network: the game between generator and discriminator.

The discriminator's surface, D(x) = σ(logit), over the plane, the generator's samples on it, and
the latent grid that the generator bends onto the data (lecture: GANs; Goodfellow et al. 2014,
https://arxiv.org/abs/1406.2661).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from dashboard.components.scene import Handle, Heatmap, Lines, Marker, Pane, Points, Role, Scene
from dashboard.figures.flows import LATENT_EXTENT, gaussian_heat, lattice
from dashboard.figures.training import snapshot_timeline
from genlab.contract.card import Card
from genlab.inference.density import grid
from genlab.inference.model import Model

Array = NDArray[np.float32]
WEB = lattice((-3, 3, -3, 3), lines=17, nodes=97)


@dataclass(frozen=True)
class Forgery:
    """One latent point and what the two networks make of it: x = G(z) and what the critic says.

    `logit` says whether the critic's number is log-odds of "real"; otherwise it is a score, from
    which no probability follows.
    """

    z: tuple[float, float]
    x: tuple[float, float]
    critic: float
    logit: bool

    @property
    def belief(self) -> float | None:
        """D(G(z)), the discriminator's probability that this forgery is real, if it has one."""
        return float(expit(self.critic)) if self.logit else None


def forge(model: Model, z: tuple[float, float]) -> Forgery:
    """Push one latent point through generator and critic."""
    x = model.run("decode", z=np.asarray([z], dtype=np.float32))["x"]
    critic = float(model.run("critic", x=x)["critic"][0])
    return Forgery(z, (float(x[0, 0]), float(x[0, 1])), critic, gives_logit(model.card))


def gives_logit(card: Card) -> bool:
    """Whether the critic's numbers are log-odds of "real"."""
    return card.constants.critic_scale == "logit"


def critique(model: Model, extent: tuple[float, float, float, float], size: int) -> Array:
    """What the critic says on a grid [size, size] over `extent`: log-odds, or a score."""
    return model.run("critic", x=grid(extent, size))["critic"].reshape(size, size)


def _surface(values: Array, logit: bool) -> Heatmap:
    """The critic [F|1, H, W] on a symmetric scale around the page's background.

    Log-odds of 0 mean "cannot tell"; a score has no such zero, so its median stands there.
    """
    frames = values if values.ndim == 3 else values[None]
    centre = 0.0 if logit else float(np.median(frames[-1]))
    top = max(float(np.quantile(np.abs(frames[-1] - centre), 0.99)), 1e-3)
    words = f"D: log-odds of real, ±{top:.2g}" if logit else f"critic's score, ±{top:.2g}"
    shades = 0.5 + 0.5 * (frames - centre) / top
    return Heatmap(shades, "data", words, diverging=True, low_role="model")


def _web(nodes: Array, label: str, role: Role) -> Lines:
    lines, count, _ = WEB.shape
    return Lines(nodes.reshape(-1, lines, count, 2), role, label, opacity=0.45)


def game_scene(
    surface: Array,
    data: Array,
    z: Array,
    samples: Array,
    web: Array,
    extent: tuple[float, float, float, float],
    probe: Forgery,
) -> Scene:
    """The plane of data with the forgeries on the discriminator's surface, and the latent plane.

    `surface` [H, W] is what the critic says; `web` [lines·nodes, 2] the image of the latent grid;
    `probe` the latent point that a person drags.
    """
    return Scene(
        [
            Pane(
                "data x = G(z)",
                extent,
                [
                    _surface(surface, probe.logit),
                    _web(web, "grid of z, bent by G", "noise"),
                    Points(data[None], "data", "data", radius=1.5, opacity=0.5),
                    Points(samples[None], "model", "forgeries G(z)", radius=1.7),
                    Marker(np.asarray(probe.x), "accent", "your G(z)", text="G(z)"),
                ],
                alt="The discriminator's surface with data, forgeries and the bent latent grid.",
            ),
            Pane(
                "noise z",
                LATENT_EXTENT,
                [
                    gaussian_heat(),
                    _web(WEB, "grid of z", "noise"),
                    Points(z[None], "model", "latents of the forgeries", radius=1.3, opacity=0.4),
                    Handle("z", probe.z, "accent", "your z"),
                ],
                alt="The latent plane with a grid, the latents drawn, and a point to drag.",
                pick="z",
            ),
        ]
    )


def training_scene(
    model: Model, z: Array, data: Array, extent: tuple[float, float, float, float]
) -> Scene:
    """Every snapshot of the training: forgeries, the discriminator's surface, the bent grid."""
    size = 72
    surfaces, samples, webs = [], [], []
    for step in model.card.snapshots.steps if model.card.snapshots else []:
        at = model.at(step)
        surfaces.append(critique(at, extent, size))
        out = at.run("decode", z=np.concatenate([z, WEB.reshape(-1, 2)]))["x"]
        samples.append(out[: len(z)])
        webs.append(out[len(z) :])
    pane = Pane(
        "data x = G(z)",
        extent,
        [
            _surface(np.stack(surfaces), gives_logit(model.card)),
            _web(np.stack(webs), "grid of z, bent by G", "noise"),
            Points(data[None], "data", "data", radius=1.5, opacity=0.5),
            Points(np.stack(samples), "model", "forgeries G(z)", radius=1.7),
        ],
        alt="Forgeries on the discriminator's surface at each snapshot of the training.",
    )
    return Scene([pane], snapshot_timeline(model.card))
