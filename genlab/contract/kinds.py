"""What the tensors of the verbs hold: one table with a row for each kind.

A row says how values are judged beyond dtype, shape and being finite, with what the trial run is
made, and what the exporter takes for an example.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from genlab.contract.tensors import Sizes, Tensor, sized

if TYPE_CHECKING:
    from genlab.contract.card import Card

Complaint = tuple[str, str]
"""What was expected, and what was found."""


@dataclass(frozen=True)
class Setting:
    """What is known of a model where values of its tensors are judged or made.

    Attributes:
        extent: Window of the plane, x0, x1, y0, y1, data units.
        law: That of the latent space, "normal" or "uniform" on [0, 1].
        levels: Least and greatest λ.
        classes: Number of classes.
        null: Label of any class.
        data: Points of the data set [n, *event], for examples.
        scale: Data are scale × diffusion units + shift.
        shift: See `scale`; broadcast against an event.
        given: The exporter's own examples by name.
    """

    extent: tuple[float, float, float, float] | None = None
    law: str = "normal"
    levels: tuple[float, float] = (-5.0, 5.0)
    classes: int = 0
    null: int | None = None
    data: np.ndarray | None = None
    scale: float = 1.0
    shift: np.ndarray | float = 0.0
    given: Mapping[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(cls, card: Card) -> Setting:
        """What a card tells."""
        constants, schedule = card.constants, card.constants.log_snr
        return cls(
            card.extent,
            card.latent.law if card.latent else "normal",
            (schedule[-1], schedule[0]) if schedule else cls.levels,
            len(constants.classes or []),
            constants.null_label,
        )


@dataclass(frozen=True)
class Wanted:
    """An array that is to be made: for which model and tensor, of which shape, from which noise."""

    setting: Setting
    tensor: Tensor
    shape: tuple[int, ...]
    noise: np.random.Generator

    def column(self, values: np.ndarray) -> np.ndarray:
        """One value a row, to be broadcast against the array."""
        return values.reshape(-1, *[1] * (len(self.shape) - 1))

    @property
    def data(self) -> np.ndarray | None:
        """A point of the data set for each row, where there are such of this shape."""
        data = self.setting.data
        fits = data is not None and data.shape[1:] == self.shape[1:]
        return data[: self.shape[0]] if data is not None and fits else None


Judge = Callable[[Setting, np.ndarray], Complaint | None]
Maker = Callable[[Wanted], np.ndarray]


@dataclass(frozen=True)
class Kind:
    """One kind of tensor.

    Attributes:
        probe: Makes values at which every model must give numbers.
        judge: What is wrong with finite values of the right dtype and shape, or None.
        example: Makes values that the verb really meets, kept with the model; `probe` by default.
    """

    probe: Maker
    judge: Judge | None = None
    example: Maker | None = None


def _below_one(setting: Setting, values: np.ndarray) -> Complaint | None:
    bad = int(np.count_nonzero((values < 0) | (values >= 1)))
    return ("numbers in [0, 1)", f"{bad:,} that are not") if bad else None


def _above_zero(setting: Setting, values: np.ndarray) -> Complaint | None:
    return None if (values > 0).all() else ("numbers above 0", f"{float(values.min()):g}")


def _labels(setting: Setting, values: np.ndarray) -> Complaint | None:
    good = (values >= 0) & (values < setting.classes)
    if setting.null is not None:
        good |= values == setting.null
    if good.all():
        return None
    null = "" if setting.null is None else f" or {setting.null}"
    return f"0 to {setting.classes - 1}{null}", str(int(values[~good][0]))


def _normal(wanted: Wanted) -> np.ndarray:
    return wanted.noise.standard_normal(wanted.shape, np.float32)


def _uniform(wanted: Wanted) -> np.ndarray:
    return wanted.noise.random(wanted.shape, np.float32)


def _latent(wanted: Wanted) -> np.ndarray:
    return (_uniform if wanted.setting.law == "uniform" else _normal)(wanted)


def _window(wanted: Wanted) -> np.ndarray:
    """Points of the plotting window; of [0, 1] for images."""
    if len(wanted.shape) > 2:
        return _uniform(wanted)
    if wanted.setting.extent is not None and wanted.shape[1] == 2:
        x0, x1, y0, y1 = wanted.setting.extent
        low, high = np.array([[x0, y0], [x1, y1]])
        return np.asarray(low + (high - low) * _uniform(wanted), np.float32)
    return _normal(wanted)


def _near_data(wanted: Wanted) -> np.ndarray:
    """Two thirds on the data, one third pushed off them; never beyond black and white."""
    if wanted.data is None:
        return _window(wanted)
    off = wanted.column(np.arange(wanted.shape[0]) % 3 == 2)
    x = wanted.data + wanted.setting.scale * _normal(wanted) * off
    return np.asarray(x.clip(0, 1) if x.ndim > 2 else x, np.float32)


def _diffused(wanted: Wanted) -> np.ndarray:
    """Data with as much noise as the λ of their row says, diffusion units."""
    if wanted.data is None:
        return _window(wanted)
    setting, log_snr = wanted.setting, wanted.column(_levels(wanted).astype(np.float64))
    alpha, sigma = (1 + np.exp(-log_snr)) ** -0.5, (1 + np.exp(log_snr)) ** -0.5
    x0 = (wanted.data - setting.shift) / setting.scale
    return np.asarray(alpha * x0 + sigma * _normal(wanted), np.float32)


def _levels(wanted: Wanted) -> np.ndarray:
    """Noise levels inside the schedule, rising: the same whenever they are asked for."""
    return np.linspace(*wanted.setting.levels, wanted.shape[0] + 2)[1:-1].astype(np.float32)


def _each_class(wanted: Wanted) -> np.ndarray:
    return np.arange(wanted.shape[0], dtype=np.int64) % max(wanted.setting.classes, 1)


def _every_label(wanted: Wanted) -> np.ndarray:
    """All classes in turn, the null label last."""
    null = wanted.setting.null
    labels = [*range(wanted.setting.classes), *([] if null is None else [null])]
    return np.resize(np.array(labels, np.int64), wanted.shape)


def _small(wanted: Wanted) -> np.ndarray:
    return np.float32(0.1) * _normal(wanted)


def _constant(value: float) -> Maker:
    return lambda wanted: np.full(wanted.shape, value, wanted.tensor.dtype)


def _given(wanted: Wanted) -> np.ndarray:
    """The exporter's own: no other parameters are those of the model."""
    return wanted.setting.given[wanted.tensor.name]


KINDS: dict[str, Kind] = {
    "number": Kind(_normal),
    "density": Kind(_normal),
    "event": Kind(_window, example=_near_data),
    "diffused": Kind(_window, example=_diffused),
    "latent": Kind(_latent),
    "uniform": Kind(_uniform, _below_one),
    "log_snr": Kind(_levels),
    "label": Kind(_each_class, _labels, _every_label),
    "weights": Kind(_small, example=_given),
    "state": Kind(_constant(0.0), example=_given),
    "rate": Kind(_constant(1e-3), _above_zero, _given),
}
"""All kinds by name; a tensor of a new kind needs a row."""


def kind_of(tensor: Tensor) -> Kind:
    """The row of a tensor; a `LookupError` that says where to add one."""
    if tensor.kind not in KINDS:
        todo = "add a row to KINDS in genlab/contract/kinds.py"
        raise LookupError(f"{tensor.name} is of kind {tensor.kind!r}, not of {list(KINDS)}: {todo}")
    return KINDS[tensor.kind]


def examples(
    setting: Setting, tensors: Sequence[Tensor], sizes: Sizes, noise: np.random.Generator
) -> Iterator[tuple[str, np.ndarray]]:
    """Examples of some inputs by name, of the shapes of the exporter's own (`setting.given`).

    Args:
        setting: What is known of the model.
        tensors: The inputs.
        sizes: The batch `n` and the lengths, which are chosen anew.
        noise: Where numbers come from.
    """
    for tensor in tensors:
        own = setting.given[tensor.name].shape
        symbols = [sized(dim, sizes) for dim in tensor.spread(len(own))]
        shape = (
            dim if isinstance(dim, int) else old for dim, old in zip(symbols, own, strict=True)
        )
        kind = kind_of(tensor)
        make = kind.example or kind.probe
        yield tensor.name, make(Wanted(setting, tensor, tuple(shape), noise))
