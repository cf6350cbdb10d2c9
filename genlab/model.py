"""A model: the one object that scripts and pages use, whatever kind it is.

`Model` says what any model can be asked: an exported one, one fitted a moment ago, a remote one.
`ExportedModel` is the first of these, over the verbs of an exported folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from genlab import making
from genlab.contract.catalogue import Catalogue
from genlab.contract.verbs import VERBS
from genlab.diffusion.samplers import Frame
from genlab.diffusion.trajectory import trajectory
from genlab.measures.density import Density
from genlab.runtime import noise
from genlab.runtime.devices import choose_device
from genlab.runtime.inputs import tensor_input
from genlab.runtime.opened import Opened

Array = NDArray[np.float32]
"""What models take and give."""


def load(
    model: str, *, device: str = "auto", folders: Iterable[Path | str] | None = None
) -> ExportedModel:
    """Open an exported model by its identifier, such as "moons-flow-spline".

    Args:
        model: Its identifier.
        device: "auto" (a GPU if there is one), "cpu" or "cuda".
        folders: Where to look; by default the checkout's `exported/` and GENERATIVE_MODELS.

    Raises:
        ContractError: There is no such model, or it breaks the contract.
        InputError: The device is none of the three.
        NoGpuError: A GPU is required by the environment and there is none.
    """
    entry = Catalogue(folders).entry(model)
    assert entry.card is not None  # entry() raises for a broken one
    return ExportedModel(entry.card, entry.folder, choose_device(device))


class Model(Density, Protocol):
    """What any model can be asked; who cannot answer raises `InputError` or `ContractError`."""

    def sample(self, n: int, seed: int = 0, **options: Any) -> np.ndarray:
        """Draw samples, [n, *event] float32, data units."""

    def make(self, n: int, seed: int = 0, **options: Any) -> Iterator[making.Frame]:
        """Make samples, frame by frame; the last frame is the sample."""

    def run(
        self, verb: str, fetch: Iterable[str] | None = None, **arrays: Any
    ) -> dict[str, np.ndarray]:
        """Evaluate one verb: its outputs by name."""


class ExportedModel(Opened):
    """An exported model; its verbs as methods, and what they add up to.

    `run` in the arguments of a method stands for those of every run: `stop` and `deadline`.
    """

    def decode(self, z: Any, **run: Any) -> np.ndarray:
        """Samples that belong to latent points z [n, latent]: x [n, *event], data units."""
        return self.run("decode", z=z, **run)["x"]

    def encode(self, x: Any, **run: Any) -> np.ndarray:
        """Latent points of samples x [n, *event] in data units: z [n, latent]."""
        return self.run("encode", ["z"], x=x, **run)["z"]

    def critic(self, x: Any, **run: Any) -> np.ndarray:
        """The critic's judgement of samples x [n, *event], on the card's `critic_scale`: [n]."""
        return self.run("critic", x=x, **run)["critic"]

    def classify(self, x: Any, **run: Any) -> np.ndarray:
        """Logits of samples x [n, *event] over the card's classes: [n, classes]."""
        return self.run("classify", ["logits"], x=x, **run)["logits"]

    def denoise(self, x: Any, log_snr: Any, **run: Any) -> np.ndarray:
        """The network's prediction at noise levels log_snr [n], of x [n, *event], diffusion units.

        It is ε̂, x̂_0 or v, as the card's `parameterisation` says; `genlab.diffusion.denoiser` makes
        the estimates of it. `run` holds the values of conditions too.
        """
        return self.run("denoise", x=x, log_snr=log_snr, **run)["prediction"]

    def make(self, n: int, seed: int = 0, **options: Any) -> Iterator[making.Frame]:
        """Make samples, frame by frame: `genlab.making.make`, which says with what."""
        return making.make(self, n, seed, **options)

    def sample(self, n: int, seed: int = 0, **options: Any) -> np.ndarray:
        """Draw samples, [n, *event] float32 in data units; the same seed gives the same ones.

        They are the last frame of `make`: a model with `decode` decodes latent points of its law,
        one with only `denoise` samples from noise, for which `options` are those of
        `trajectory` (DDIM in 50 steps by default).

        Raises:
            InputError: n, the seed or an option is refused.
        """
        return making.sample(self, n, seed, **options)

    def trajectory(self, n: int, seed: int = 0, **options: Any) -> Iterator[Frame]:
        """From noise to data: `genlab.diffusion.trajectory.trajectory`, which says with what."""
        return trajectory(self, n, seed, **options)

    def log_prob(self, x: Any, *, seed: int = 0, **run: Any) -> np.ndarray:
        """Evaluate log p(x) in nats at points [n, *event] in data units: [n] float32.

        Minus infinity where the density is zero. A model that takes dequantisation noise gets it
        from `seed`.
        """
        inputs = {"x": x}
        if "log_prob" in self.verbs and "u" in self.card.graphs["log_prob"].inputs:
            inputs["x"] = tensor_input(self.card, VERBS["log_prob"].inputs[0], x)
            inputs["u"] = noise.uniform(seed, inputs["x"].shape, "dequantisation")
        return self.run("log_prob", **inputs, **run)["log_prob"]
