"""What the card of a model that denoises says of noise levels and units."""

from typing import Any, Literal

from genlab.inference import schedules
from training.data import Dataset, ImageSet

TIMES = 1000
"""Steps of the full schedules: T in Ho et al., 2020, https://arxiv.org/abs/2006.11239."""


def diffusion_facts(
    dataset: Dataset | ImageSet, parameterisation: Literal["eps", "v"]
) -> dict[str, Any]:
    """The card's `constants`: schedules in log-SNR, t = 0 first, and the way to data units."""
    cosine, linear = schedules.cosine(TIMES).tolist(), schedules.linear(TIMES).tolist()
    return {
        "log_snr": cosine,
        "schedules": {"cosine": cosine, "linear": linear},
        "parameterisation": parameterisation,
        "diffusion_scale": dataset.scale,
        "diffusion_shift": dataset.shift,
    }
