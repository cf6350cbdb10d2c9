"""What the tensors of the verbs hold: one table with a row for each kind.

A row says how values are judged beyond dtype, shape and being finite, with what the trial run is
made, and what the exporter takes for an example.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from genlab.contract.card import Card, Condition, Space
from genlab.contract.outside import outside
from genlab.contract.tensors import Sizes, Tensor, sized, spliced

Complaint = tuple[str, str]
"""What was expected, and what was found."""


@dataclass(frozen=True)
class Setting:
    """What is known of a model where values of its tensors are judged or made.

    Spaces and conditions are those of the card by name, the main space first.

    Attributes:
        law: That of the latent space, "normal" or "uniform" on [0, 1].
        levels: Least and greatest λ.
        data: Points of the data set [n, *event], for examples.
        scale: Data are scale × diffusion units + `shift`, which is broadcast against an event.
        given: The exporter's own examples by name.
    """

    spaces: Mapping[str, Space]
    law: str = "normal"
    levels: tuple[float, float] = (-5.0, 5.0)
    conditions: Mapping[str, Condition] = field(default_factory=dict)
    data: np.ndarray | None = None
    scale: float = 1.0
    shift: np.ndarray | float = 0.0
    given: Mapping[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(cls, card: Card) -> Setting:
        """What a card tells."""
        schedule = card.constants.log_snr
        levels = (schedule[-1], schedule[0]) if schedule else cls.levels
        law = card.latent.law if card.latent else "normal"
        return cls(card.spaces, law, levels, card.conditions)


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
    def space(self) -> Space:
        """The space that the tensor is of, the main one where its shape does not say."""
        return space_of(self.setting, self.tensor)

    @property
    def condition(self) -> Condition:
        """The condition that the tensor is."""
        return self.setting.conditions[self.tensor.name]

    @property
    def data(self) -> np.ndarray | None:
        """A point of the data set for each row, where there are such of this shape."""
        data = self.setting.data
        fits = data is not None and data.shape[1:] == self.shape[1:]
        return data[: self.shape[0]] if data is not None and fits else None


def space_of(setting: Setting, tensor: Tensor) -> Space:
    """The space that a tensor is of, the main one where its shape does not say."""
    names = (str(dim).partition(":")[2] for dim in tensor.shape if spliced(dim))
    return setting.spaces.get(next(names, ""), next(iter(setting.spaces.values())))


Judge = Callable[[Setting, Tensor, np.ndarray], Complaint | None]
Maker = Callable[[Wanted], np.ndarray]


@dataclass(frozen=True)
class Kind:
    """One kind of tensor.

    `probe` makes values at which every model must give numbers, `example` those that the verb
    really meets, kept with the model (`probe` by default); `judge` says what is wrong with finite
    values of the right dtype and shape.
    """

    probe: Maker
    judge: Judge | None = None
    example: Maker | None = None


def _below_one(setting: Setting, tensor: Tensor, values: np.ndarray) -> Complaint | None:
    bad = int(np.count_nonzero((values < 0) | (values >= 1)))
    return ("numbers in [0, 1)", f"{bad:,} that are not") if bad else None


def _above_zero(setting: Setting, tensor: Tensor, values: np.ndarray) -> Complaint | None:
    return None if (values > 0).all() else ("numbers above 0", f"{float(values.min()):g}")


def _in_range(setting: Setting, tensor: Tensor, values: np.ndarray) -> Complaint | None:
    found = outside(space_of(setting, tensor), values)
    return None if found is None else ("images in [0, 1]", f"{found}: rescale or clip them")


def _condition(setting: Setting, tensor: Tensor, values: np.ndarray) -> Complaint | None:
    told = setting.conditions[tensor.name]
    if told.values is None:
        return None
    good = (values >= 0) & (values < told.values) & (values == np.floor(values))
    if told.null is not None:
        good |= values == told.null
    if good.all():
        return None
    null = "" if told.null is None else f" or {told.null}"
    return f"0 to {told.values - 1}{null}", f"{values[~good][0]}"


def told_values(condition: Condition) -> str:
    """What a condition that was not given may be told, in words."""
    values = "a value" if condition.values is None else f"0 to {condition.values - 1}"
    if condition.null is None:
        return f"{values}, told; this model has no value for any"
    return f"{values}, or {condition.null} for any"


def _normal(wanted: Wanted) -> np.ndarray:
    return wanted.noise.standard_normal(wanted.shape, np.float32)


def _uniform(wanted: Wanted) -> np.ndarray:
    return wanted.noise.random(wanted.shape, np.float32)


def _latent(wanted: Wanted) -> np.ndarray:
    return (_uniform if wanted.setting.law == "uniform" else _normal)(wanted)


def _window(wanted: Wanted) -> np.ndarray:
    """Points of the plotting window; of [0, 1] for images, some darker; the first token.

    Of images of the same noise each has much the same mean, so that a statistic of the batch could
    hide; those of different brightness show it.
    """
    space = wanted.space
    if space.kind == "tokens":
        return np.zeros(wanted.shape, np.float32)
    if space.kind != "points":
        light = 1 + np.arange(wanted.shape[0]) % 3
        return _uniform(wanted) / wanted.column(light.astype(np.float32))
    if space.extent is not None and space.shape == (2,):
        x0, x1, y0, y1 = space.extent
        low, high = np.array([[x0, y0], [x1, y1]])
        return np.asarray(low + (high - low) * _uniform(wanted), np.float32)
    return _normal(wanted)


def _near_data(wanted: Wanted) -> np.ndarray:
    """Two thirds on the data, one third pushed off them; never beyond black and white."""
    if wanted.data is None:
        return _window(wanted)
    off = wanted.column(np.arange(wanted.shape[0]) % 3 == 2)
    x = wanted.data + wanted.setting.scale * _normal(wanted) * off
    return np.asarray(x if wanted.space.kind == "points" else x.clip(0, 1), np.float32)


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


def _asked_for(wanted: Wanted) -> np.ndarray:
    """All values of a condition in turn; normal numbers where they are not counted."""
    told = wanted.condition
    if told.values is None and told.dtype == "float32":
        return _normal(wanted)
    return np.resize(np.arange(told.values or 1, dtype=told.dtype), wanted.shape)


def _asked_or_not(wanted: Wanted) -> np.ndarray:
    """The same, and the null value, where there is one: after all others, or in every other row."""
    told, asked = wanted.condition, _asked_for(wanted)
    if told.null is not None and told.values is not None:
        every = np.append(np.arange(told.values), told.null)
        return np.resize(every, asked.shape).astype(told.dtype)
    if told.null is not None:
        asked[1::2] = told.null
    return asked


def _constant(value: float) -> Maker:
    return lambda wanted: np.full(wanted.shape, value, wanted.tensor.dtype)


def _given(wanted: Wanted) -> np.ndarray:
    """The exporter's own: no other parameters are those of the model."""
    return wanted.setting.given[wanted.tensor.name]


def _like_given(wanted: Wanted) -> np.ndarray:
    """Numbers of the exporter's own, at random: of values that are counted, whole ones."""
    own = wanted.setting.given.get(wanted.tensor.name)
    if own is None:
        return _normal(wanted)
    return np.asarray(wanted.noise.choice(own.reshape(-1), wanted.shape), wanted.tensor.dtype)


KINDS: dict[str, Kind] = {
    "number": Kind(_normal),
    "known": Kind(_normal, example=_like_given),
    "density": Kind(_normal),
    "event": Kind(_window, _in_range, _near_data),
    "diffused": Kind(_window, example=_diffused),
    "latent": Kind(_latent),
    "uniform": Kind(_uniform, _below_one),
    "log_snr": Kind(_levels),
    "condition": Kind(_asked_for, _condition, _asked_or_not),
    "weights": Kind(lambda wanted: np.float32(0.1) * _normal(wanted), example=_given),
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

    `sizes` are those of the batch `n` and of the lengths, which are chosen anew.
    """
    for tensor in tensors:
        own = setting.given[tensor.name].shape
        dims = zip(own, (sized(dim, sizes) for dim in tensor.spread(len(own))), strict=True)
        shape = tuple(dim if isinstance(dim, int) else old for old, dim in dims)
        kind = kind_of(tensor)
        yield tensor.name, (kind.example or kind.probe)(Wanted(setting, tensor, shape, noise))
