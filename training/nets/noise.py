"""What the card of a model that denoises says of noise levels and units."""

from typing import Any, Literal

from genlab.diffusion import schedules
from training.data import Dataset, ImageSet

PIXELS = 11.0
"""λ at t = 0 of images: noise of half a grey level. With less of it a network that predicts v has
to enlarge what float32 can hardly tell apart, and two machines would differ by more than 1e-4."""
TIMES = 1000
"""Steps of the full schedules: T in Ho et al., 2020, https://arxiv.org/abs/2006.11239."""


def diffusion_facts(
    dataset: Dataset | ImageSet, parameterisation: Literal["eps", "v"]
) -> dict[str, Any]:
    """The card's `constants`: schedules in log-SNR, t = 0 first, and the way to data units."""
    top = PIXELS if isinstance(dataset, ImageSet) else schedules.LOG_SNR_MAX
    cosine, linear = (make(TIMES, top).tolist() for make in (schedules.cosine, schedules.linear))
    return {
        "log_snr": cosine,
        "schedules": {"cosine": cosine, "linear": linear},
        "parameterisation": parameterisation,
        "diffusion_scale": dataset.scale,
        "diffusion_shift": dataset.shift,
    }
