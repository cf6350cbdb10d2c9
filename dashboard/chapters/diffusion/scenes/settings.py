"""How images of a diffusion model are drawn: every choice, in words that tell two of them apart."""

from __future__ import annotations

from dataclasses import dataclass

from genlab.diffusion.denoiser import evaluations_of
from genlab.diffusion.samplers import SAMPLERS

ANY, EVERY, NONE = "any", "every", ""
"""Choices of a class beside the classes themselves: none in particular, and all in turn; and what
there is to choose of a model without classes."""
CLIP = "static"
"""What is done to x̂_0 where nothing else is asked for."""


@dataclass(frozen=True)
class Setting:
    """How n images are drawn.

    Attributes:
        label: A class by its name, `ANY`, `EVERY` or `NONE`.
        guidance: The scale w.
        budget: Evaluations of x̂_0 that an image may take; a sampler may leave some of them.
        eta: DDIM's η.
        clip: What is done to x̂_0, of `CLIPS`.
        schedule: A name in the card's schedules; None for the model's own.
    """

    label: str
    guidance: float
    sampler: str
    budget: int
    eta: float
    clip: str
    schedule: str | None
    n: int
    seed: int

    @property
    def steps(self) -> int:
        """Intervals that the sampler walks."""
        return SAMPLERS[self.sampler].intervals(self.budget)

    @property
    def evaluations(self) -> int:
        """Evaluations of x̂_0 that they take."""
        return SAMPLERS[self.sampler].evaluations(self.steps)

    @property
    def runs(self) -> int:
        """Runs of the network that one evaluation takes: two where guidance compares."""
        return 1 if self.label in (ANY, NONE) else evaluations_of(self.guidance)

    @property
    def title(self) -> str:
        """The setting as briefly as can be, as above a sheet; what is not said is the default."""
        steps = f"{self.steps} steps, " if self.steps != self.evaluations else ""
        twice = f" × {self.runs}" if self.runs > 1 else ""
        walk = steps + counted(self.evaluations, "evaluation", twice)
        eta = f", η = {self.eta:g}" if self.has_eta and self.eta else ""
        finer = ", ".join(self._finer)
        if len(self._finer) > 1:
            finer = finer.removesuffix(" schedule")
        name = sampler_name(self.sampler)
        return " · ".join(filter(None, [self._asked, f"{name}{eta}, {walk}", finer]))

    @property
    def words(self) -> str:
        """The setting in full, and what it costs."""
        left = f" (of {self.budget} at most)" if self.evaluations < self.budget else ""
        cost = (
            f"{counted(self.steps, 'step')}, {counted(self.evaluations, 'evaluation')} of "
            f"x̂₀{left} and {counted(self.evaluations * self.runs, 'run')} of the network for each "
            "image"
        )
        return f"{self._in_full} · {cost}"

    def stopped(self, made: int, t: int) -> str:
        """The setting in full, of a walk that was stopped after so many of its steps, at t."""
        return f"{self._in_full} · stopped after {made} of {self.steps} steps, at t = {t:,}"

    @property
    def file(self) -> str:
        """The setting as a part of a file's name."""
        finer = [f"eta{self.eta:g}"] if self.has_eta and self.eta else []
        finer += [f"clip-{self.clip}"] if self.clip != CLIP else []
        finer += [self.schedule] if self.schedule is not None else []
        asked = f"class-{self.label}" + ("" if self.label == ANY else f"-w{self.guidance:g}")
        kind = [] if self.label == NONE else [asked]
        return "-".join([*kind, f"{self.sampler}{self.budget}", *finer])

    @property
    def _in_full(self) -> str:
        eta = f", η = {self.eta:g}" if self.has_eta else ""
        asked = self._asked.replace("every class", "every class in turn")
        name = f"{sampler_name(self.sampler)}{eta}"
        return " · ".join(filter(None, [asked, name, *self._finer]))

    @property
    def has_eta(self) -> bool:
        """Whether `eta` counts."""
        return "eta" in SAMPLERS[self.sampler].options

    @property
    def _asked(self) -> str:
        if self.label == NONE:
            return ""
        name = f"{self.label} class" if self.label in (ANY, EVERY) else f"class {self.label}"
        return name if self.label == ANY else f"{name}, w = {self.guidance:g}"

    @property
    def _finer(self) -> list[str]:
        """What is seldom touched, where it is not the default."""
        clip = [] if self.clip == CLIP else [f"clip {self.clip}"]
        return clip if self.schedule is None else [*clip, f"{self.schedule} schedule"]


@dataclass(frozen=True)
class Filling:
    """How what was erased of an image is filled in, n times; `label` and `guidance` as above.

    Each of the `steps` is walked `resamplings` times.
    """

    label: str
    guidance: float
    steps: int
    resamplings: int
    n: int
    seed: int


def sampler_name(sampler: str) -> str:
    """What people call a sampler."""
    return SAMPLERS[sampler].label.partition(" (")[0]


def counted(count: int, one: str, times: str = "") -> str:
    """So many of what `one` is called, in words."""
    return f"{count}{times} {one}" + "s" * (count != 1)


def whole_rows(label: str, n: int, classes: int) -> int:
    """Of n images those that are shown: where classes take turns, as many of each of them."""
    return n - n % classes if label == EVERY and n > classes > 0 else n


def told_count(shown: int, asked: int) -> str:
    """How many images there are, and why they may be fewer than were asked for."""
    fewer = f" (of the {asked} asked for, as many of each class)" if shown < asked else ""
    return f"{shown} images{fewer}"
