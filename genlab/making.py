"""How a model makes samples: one table from its verbs to a generator of frames.

    for frame in make(model, n, seed): ...  # frame.x [n, *event] in data units

The last frame of what `making_of` finds is the sample. Whoever wants to know whether, how and in
how many steps a model makes samples asks the table; to add a way of making (Gibbs, frame by
frame) write a generator and a row of `MAKINGS`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import numpy as np

from genlab.autoregressive.chain import chain
from genlab.autoregressive.order import cells_of
from genlab.contract.card import Card
from genlab.diffusion.samplers import Frame as Step
from genlab.diffusion.trajectory import trajectory, usual_steps
from genlab.diffusion.units import to_data
from genlab.runtime.errors import InputError
from genlab.runtime.inputs import rows, warn_not_finite
from genlab.runtime.opened import Opened

AnyOpened = TypeVar("AnyOpened", bound=Opened)
RUN = frozenset({"stop", "deadline"})
"""Options of every making: those of every run."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One moment of the making of n samples.

    Attributes:
        index: 0 for the first frame, counting up.
        x: Where the samples are, [n, *event], data units.
        label: What the moment is called on a strip, such as "t = 400"; empty for a lone frame.
        extras: Further arrays by name, such as `x0` [n, *event], the estimate x̂_0 in data units,
            and `t` and `log_snr`, numbers.
    """

    index: int
    x: np.ndarray
    label: str = ""
    extras: Mapping[str, np.ndarray] = field(default_factory=dict)


Frames = Callable[..., Iterator[Frame]]
"""From a model, n, a seed and options; what is wrong with them is raised before the first frame."""


@dataclass(frozen=True)
class Making:
    """A row of the table: the verb that makes, and its generator.

    Attributes:
        start: What the seed draws: the `latent` points of the card, or the `noise` at T. Two
            makings of one start end at the same samples.
        steps: Evaluations that a sample takes unless a caller says otherwise; None for one at once.
        options: Names of what may be chosen; None where the generator judges them itself.
    """

    name: str
    frames: Frames
    start: Literal["latent", "noise"]
    steps: Callable[[Card], int | None] = lambda card: None
    options: frozenset[str] | None = RUN


def told_in_turn(model: AnyOpened) -> AnyOpened:
    """A generator of classes, told any class, or where there is no such value, all in turn.

    One that was told its class already stays as it is, and so does one that takes none.
    """
    label = model.card.conditions.get("label")
    if not label or "label" not in model.card.graphs["decode"].inputs or model.tells("label"):
        return model
    return model.given(label=label.null if label.null is not None else range(label.values or 1))


def _decode(model: Opened, n: int, seed: int, **run: Any) -> Iterator[Frame]:
    z = model.latent(n, seed)
    return iter([Frame(0, told_in_turn(model).run("decode", z=z, **run)["x"])])


def _layers(model: Opened, n: int, seed: int, **run: Any) -> Iterator[Frame]:
    """Every stage of a flow: all but the last in latent units, which are its own for each."""
    z = model.latent(n, seed)
    states = model.run("layers", ["states"], z=z, **run)["states"].swapaxes(0, 1)
    depth = len(states) - 1
    return (Frame(i, x, f"layer {i} of {depth}") for i, x in enumerate(states))


def _denoise(model: Opened, n: int, seed: int, **options: Any) -> Iterator[Frame]:
    card, frames = model.card, trajectory(model, n, seed, **options)

    def units(x: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            return to_data(card, x)

    def shown(one: Step) -> Frame:
        t, log_snr = np.asarray(one.t), np.asarray(one.log_snr)
        extras = {"x0": units(one.x0), "t": t, "log_snr": log_snr}
        return Frame(one.index, units(one.x_t), f"t = {one.t:,}", extras)

    return map(shown, frames)


def _next(model: Opened, n: int, seed: int, **options: Any) -> Iterator[Frame]:
    """Value after value; what is not yet drawn is 0."""
    steps, count = chain(model, n, seed, **options), len(cells_of(model.card))
    return (Frame(one.t, one.x, f"value {one.t + 1:,} of {count:,}") for one in steps)


def _steps(card: Card) -> int:
    return usual_steps(card.constants.log_snr or [0.0])


MAKINGS: tuple[Making, ...] = (
    Making("layers", _layers, "latent"),
    Making("denoise", _denoise, "noise", _steps, None),
    Making("next", _next, "noise", options=RUN | {"temperature", "known", "condition"}),
    Making("decode", _decode, "latent"),
)
"""All ways of making: first those in which there is most to see, last the quickest."""


def makings_of(card: Card) -> list[Making]:
    """All ways in which a model makes samples, in the order of the table."""
    return [row for row in MAKINGS if row.name in card.verbs]


def making_of(card: Card) -> Making | None:
    """How a model makes its samples: the quickest way that it has; None if it makes none."""
    return next(reversed(makings_of(card)), None)


def seen_making_of(card: Card) -> Making | None:
    """How to watch a model make those very samples: the way with the same start and most to see."""
    chosen = making_of(card)
    return next((row for row in makings_of(card) if chosen and row.start == chosen.start), None)


def make(
    model: Opened, n: int, seed: int = 0, *, making: Making | None = None, **options: Any
) -> Iterator[Frame]:
    """The frames of the making of n samples; the last one is the sample.

    Args:
        model: The model.
        n: Number of samples.
        seed: Seed of all that is drawn.
        making: A row of `makings_of`; `making_of` by default.
        options: The making's own: of `denoise` those of `trajectory`, and `stop` and `deadline`.

    Raises:
        InputError: The model makes no samples, or something is refused; not first at a frame.
    """
    row = making or making_of(model.card)
    if row is None:
        raise InputError("model", "one that makes samples", f"{model.card.id}, which makes none")
    if row.options is not None and (unknown := options.keys() - row.options):
        told = f"{sorted(row.options)}: this model makes its samples by {row.name}"
        raise InputError("options", told, f"{sorted(unknown)}")
    n = rows(n, model.card.event_shape)
    return row.frames(model, n, seed, **options)


def sample(model: Opened, n: int, seed: int = 0, **options: Any) -> np.ndarray:
    """The last frame of `make`: [n, *event] float32, data units; the same for the same seed."""
    *_, last = deque(make(model, n, seed, **options), maxlen=1)
    with np.errstate(over="ignore"):
        x = np.asarray(last.x, dtype=np.float32)
    if x is not last.x:  # not from a run, which has counted already
        warn_not_finite(model.card.id, {"x": x})
    return x


def training(model: Opened, n: int, seed: int = 0, **options: Any) -> Iterator[Frame]:
    """The samples of one seed as the training went on: a frame for each snapshot.

    The last frame is the model itself. Empty where there are no two snapshots.
    """
    steps = model.card.steps if len(model.card.steps) > 1 else []
    for index, step in enumerate(steps):
        stage = model if step == steps[-1] else model.at(step)
        yield Frame(index, sample(stage, n, seed, **options), f"training step {step:,}")


def film(
    model: Opened, n: int, seed: int = 0, *, making: Making | None = None, **options: Any
) -> Iterator[Frame]:
    """What there is to see of a model: the frames of a making, or of one that is still, training.

    Arguments as in `make`; the making is `seen_making_of` by default.
    """
    row = making or seen_making_of(model.card)
    if row is not None and row.name == "decode" and len(model.card.steps) > 1:
        return training(model, n, seed, **options)
    return make(model, n, seed, making=row, **options)


def can(card: Card) -> frozenset[str]:
    """What a person can do with a model: any of `sample`, `density`, `latent`, `steps`."""
    able = {
        "sample": making_of(card) is not None,
        "density": "log_prob" in card.verbs,
        "latent": "decode" in card.verbs and card.kind == "trained",
        "steps": len(makings_of(card)) > 1 or any(row.steps(card) for row in makings_of(card)),
    }
    return frozenset(name for name, yes in able.items() if yes)
