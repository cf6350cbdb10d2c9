"""Textbook GANs side by side: three objectives and two rhythms, from the same initial weights.

Each run is the plain game of the lecture, without anything that steadies it. What its generator
covers of the data at each snapshot is measured, and from that a stated rule says which run
collapsed, and when (lecture: alternating training, k, instability; Goodfellow et al. 2014,
https://arxiv.org/abs/1406.2661; least squares: Mao et al. 2017, https://arxiv.org/abs/1611.04076).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.plots.theme import CHART
from genlab.contract.card import Card
from genlab.contract.weights import Snapshots
from genlab.measures.discriminator import belief, judged
from genlab.measures.estimate import Estimate
from genlab.measures.modes import Modes, best_coverage, coverage, reaches
from genlab.model import Array, ExportedModel

OBJECTIVES = {
    "minimax": "minimax",
    "nonsaturating": "non-saturating",
    "least-squares": "least squares",
}
"""The objectives of the textbook as recipes name them, and as people read them."""
FIRST = "gaussians8"
"""The data set on which collapse is easiest to see."""
DASHES = {"minimax": "solid", "nonsaturating": "dash", "least-squares": "dot"}
MARKS = {"minimax": "circle", "nonsaturating": "square", "least-squares": "diamond"}
"""How the objectives are told apart on charts."""
FALL = 0.5
"""A run that covers less than this share of its own best has collapsed."""
BEGUN = 0.25
"""…once that best was at least so much of the data: before, there is nothing to lose."""
SLIP = 0.8
"""A run that ends below this share of its best has slipped back."""
WHOLE = 0.9
"""A run that covers this share of what a perfect generator would, covers the data."""


def line_of(objective: str, width: float = 2) -> dict[str, Any]:
    """The line of an objective on charts."""
    return {"width": width, "dash": DASHES[objective], "color": CHART["model"]}


@dataclass(frozen=True)
class Run:
    """One textbook GAN: its objective, and k steps of its critic for one of the generator."""

    card: Card
    objective: str
    k: int

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{OBJECTIVES[self.objective]}, k = {self.k}"


def textbook_runs(cards: Iterable[Card]) -> dict[str, list[Run]]:
    """The textbook GANs of the plane by data set: no penalty on the critic, snapshots kept.

    One for each objective and k, in the order of `OBJECTIVES`; only sets with two or more, the
    eight Gaussians first.
    """
    found: dict[str, dict[tuple[int, int], Run]] = {}
    for card in cards:
        name, k = card.hyper("family", "objective"), card.hyper("loop", "n_critic")
        plane = card.event_shape == (2,) and card.verbs >= {"decode", "critic"}
        plain = card.hyper("family", "penalty") == 0 and isinstance(k, int)
        if plane and plain and card.snapshots and name in OBJECTIVES:
            place = k, list(OBJECTIVES).index(name)
            found.setdefault(card.dataset, {}).setdefault(place, Run(card, name, k))
    return {
        dataset: [runs[place] for place in sorted(runs)]
        for dataset, runs in sorted(found.items(), key=lambda item: (item[0] != FIRST, item[0]))
        if len(runs) > 1
    }


def common_steps(runs: Sequence[Run]) -> list[int]:
    """Training steps of which every run kept a snapshot."""
    return sorted(set.intersection(*(set(run.card.steps) for run in runs))) if runs else []


def same_start(models: Sequence[ExportedModel]) -> bool:
    """Whether the snapshots of step 0 hold the same numbers in all models, weight by weight."""
    if not models or any(0 not in model.card.steps for model in models):
        return False
    first, *others = (Snapshots.open(model.folder, model.card).weights(0) for model in models)
    return all(
        other.keys() == first.keys()
        and all(np.array_equal(array, other[name]) for name, array in first.items())
        for other in others
    )


@dataclass(frozen=True, eq=False)
class Record:
    """What one run's generator covers at each of `steps`, from R independent draws.

    `coverage` [S, R] of the data, `modes` [S, R] covered (None where there are none), and the
    `perfect` generator's coverage on average.
    """

    steps: list[int]
    coverage: NDArray[np.float64]
    modes: NDArray[np.float64] | None
    perfect: float

    @property
    def share(self) -> NDArray[np.float64]:
        """Mean coverage [S]."""
        return np.asarray(self.coverage.mean(axis=1))


def record(model: ExportedModel, z: Array, data: Array, modes: Modes | None) -> Record:
    """Measure a run: latents `z` [R, n, 2] against as many disjoint draws of the data [R, m, 2]."""
    shares, counts, reach = [], [], list(map(reaches, data))
    for step in model.card.steps:
        x = model.at(step).decode(z.reshape(-1, z.shape[-1])).reshape(*z.shape[:2], 2)
        shares.append([coverage(*each) for each in zip(data, x, reach, strict=True)])
        if modes:
            counts.append([float(modes.covered(fake).sum()) for fake in x])
    perfect = best_coverage(data.shape[1], z.shape[1])
    found = np.array(counts) if modes else None
    return Record(list(model.card.steps), np.array(shares), found, perfect)


RULE = (
    f"A run **collapses** between two checkpoints where its coverage of the data falls below "
    f"{FALL:.0%} of its own best before, once that best was {BEGUN:.0%} or more. It **covers the "
    f"data** where the last checkpoint reaches {WHOLE:.0%} of what samples of the data would, and "
    f"**slips back** where it ends below {SLIP:.0%} of its best."
)
"""The rule of `judge` in words."""


def judge(record: Record) -> str:
    """What became of a run by `RULE`, in words, from its mean coverage at the snapshots."""
    share, best, when = record.share, 0.0, ""
    for i, value in enumerate(share):
        if not when and best >= BEGUN and value < FALL * best:
            when = f"collapsed between steps {record.steps[i - 1]:,} and {record.steps[i]:,}"
        best = max(best, float(value))
    whole = bool(len(share)) and share[-1] >= WHOLE * record.perfect
    if when:
        now = ", partly back" if share[-1] >= FALL * best else ""
        return when + (", recovered" if whole else now)
    slips = best >= BEGUN and share[-1] < SLIP * best
    return "covers the data" if whole else "slips back" if slips else "leaves gaps"


def table(runs: Sequence[Run], records: Sequence[Record]) -> list[dict[str, object]]:
    """A row for each run: what it covered at its best and in the end, and the verdict."""
    rows = []
    for run, row in zip(runs, records, strict=True):
        top = int(row.share.argmax())
        cells: dict[str, object] = {"objective": OBJECTIVES[run.objective], "k": run.k}
        cells["outcome"] = judge(row)
        cells["data covered at best"] = f"{_percent(row.coverage[top])}, step {row.steps[top]:,}"
        cells["data covered at the end"] = _percent(row.coverage[-1])
        if row.modes is not None:
            cells["modes at best"] = f"{row.modes.mean(axis=1).max():.3g}"
            cells["modes at the end"] = f"{row.modes[-1].mean():.3g}"
        rows.append(cells)
    return rows


def contradicts(rows: Sequence[tuple[Run, Record]]) -> bool:
    """Whether the non-saturating run ends covering less than all others of its k."""
    ends = {run.objective: float(row.share[-1]) for run, row in rows}
    return len(ends) > 1 and min(ends, key=lambda name: ends[name]) == "nonsaturating"


def least_belief(model: ExportedModel) -> float:
    """The least median D(G(z)) of any snapshot after the start, from 500 draws; 1 without D."""
    z, least = model.latent(500, seed=0), 1.0
    for step in model.card.steps[1:] if judged(model.card) == "logit" else ():
        at = model.at(step)
        said = belief(model.card, at.critic(at.decode(z)))
        least = min(least, 1.0 if said is None else float(np.median(said)))
    return least


def seeds(runs: Sequence[Run]) -> str:
    """What the cards say of several seeds of each run; that one seed proves little where not."""
    told = []
    for run in runs:
        for metric in run.card.metrics:
            if metric.name == "trials_high_quality":
                share = f"{metric.value:.0%} ± {metric.stderr or 0:.0%}"
                told.append((f"{OBJECTIVES[run.objective]} {share}", metric.split))
    if len(told) < len(runs):
        return "This is one seed of each: another may give another order."
    found = ", ".join(words for words, _ in told)
    return (
        "Another measure, the share of samples within 3σ of a mode, over "
        f"{told[0][1]}, none chosen: {found}."
    )


def _percent(shares: NDArray[np.float64]) -> str:
    share, error = Estimate.mean(shares)
    return f"{share:.1%} ± {error:.1%}"
