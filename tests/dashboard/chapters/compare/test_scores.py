"""Rows hold what cards say and nothing else; what is missing stays missing."""

import math
from types import SimpleNamespace
from typing import Any

import pytest

from dashboard.chapters.compare.scenes import scores
from dashboard.shared import catalogue
from genlab import load
from genlab.contract.card import Card, Metric
from genlab.contract.weights import Snapshots

KL, DISTANCE = scores.QUALITIES


def card(model: str, *metrics: tuple[str, float, float]) -> Card:
    """The card of a committed model with other metrics: (name, value, standard error)."""
    told = [
        Metric(name=name, value=value, stderr=error, split="fresh", n=10, protocol=f"how {name}")
        for name, value, error in metrics
    ]
    return catalogue.read_catalogue().cards[model].model_copy(update={"metrics": told})


def adversarial() -> str:
    """A committed model without a density."""
    return catalogue.models_with("critic")[0].id


EXACT = card("moons-exact", ("nll", 2.4, 0.003), ("kl", 0.0, 1e-9))


def test_log_likelihood_is_measured_or_follows_from_the_floor_and_the_kl() -> None:
    flow = scores.row(card("moons-flow-spline", ("nll", 2.5, 0.01)), EXACT, None, None)
    assert flow.log_likelihood == scores.Figure(-2.5, 0.01, "how nll")
    ddpm = scores.row(card("moons-ddpm", ("kl_ode", 0.1, 0.004)), EXACT, None, None)
    assert ddpm.log_likelihood is not None
    assert ddpm.log_likelihood.value == pytest.approx(-2.5)
    assert ddpm.log_likelihood.stderr == pytest.approx(0.005)
    assert (
        scores.row(card("moons-ddpm", ("kl_ode", 0.1, 0)), None, None, None).log_likelihood is None
    )


def test_what_is_missing_is_missing_in_the_table() -> None:
    (line,) = scores.table([scores.row(card(adversarial()), EXACT, None, None)])
    assert line["inference"] == "no"
    numbers = set(line) - {"model", "sampling", "inference"}
    assert {line[name] for name in numbers} == {None}


def test_zero_has_no_sign_in_the_table() -> None:
    exact = card("moons-exact", ("nll", 2.4, 0.003), ("kl", -7e-8, 1e-9))
    (line,) = scores.table([scores.row(exact, exact, None, None)])
    assert str(line["KL"]) == "0.0"


def test_distance_is_a_ratio_with_the_errors_of_both() -> None:
    metrics = [("sliced_w2", 0.06, 0.006), ("sliced_w2_reference", 0.03, 0.003)]
    distance = scores.row(card("moons-flow-spline", *metrics), EXACT, None, None).distance
    assert distance is not None
    assert distance.value == pytest.approx(2)
    assert distance.stderr == pytest.approx(2 * math.hypot(0.1, 0.1))
    several = [("sliced_w2_ddpm", 9, 0), ("sliced_w2_ddim", 0.03, 0), metrics[1]]
    distance = scores.row(card("moons-ddpm", *several), EXACT, None, None).distance
    assert distance is not None  # the sampler whose speed is shown
    assert distance.value == pytest.approx(1)
    assert scores.row(card("moons-ddpm", several[0]), EXACT, None, None).distance is None


def test_parameters_are_those_of_the_snapshots_each_once() -> None:
    trained = [
        e for e in catalogue.read_catalogue().entries.values() if e.card and e.card.snapshots
    ]
    for entry in trained[:: max(1, len(trained) // 8)]:
        assert entry.card is not None
        snapshots = Snapshots.open(entry.folder, entry.card)
        size = sum(array.size for array in snapshots.weights(snapshots.steps[-1]).values())
        assert scores.parameters(load(entry.id)) == size


class Clocked:
    """A model that takes so many seconds, of a clock of its own, for any number of samples."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *seconds: float) -> None:
        self.asked: list[int] = []
        self._clock, self._seconds = 0.0, [100.0, *seconds]  # first the warm-up
        monkeypatch.setattr(scores.time, "perf_counter", lambda: self._clock)

    def sample(self, n: int, seed: int = 0, stop: Any = None) -> None:
        self.asked.append(n)
        self._clock += self._seconds.pop(0)


def test_speed_is_the_median_of_quick_runs_and_one_slow_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quick = Clocked(monkeypatch, 0.2, 0.1, 0.3, 0.1, 0.9)
    assert scores.speed(quick) == pytest.approx(0.2)  # type: ignore[arg-type]
    assert quick.asked[1:] == [scores.SPEED_SAMPLES] * scores.REPEATS
    slow = Clocked(monkeypatch, 2.0)
    assert scores.speed(slow) == pytest.approx(2.0)  # type: ignore[arg-type]


def rows() -> list[scores.Row]:
    flow = card("moons-flow-spline", ("nll", 2.41, 0.003), ("kl", 0.01, 0.02))
    return [
        scores.row(EXACT, EXACT, 0.001, None),
        scores.row(flow, EXACT, 0.04, 80_000),
        scores.row(card("moons-ddpm"), EXACT, 0.9, 110_000),
        scores.row(card(adversarial()), EXACT, 0.005, 70_000),
    ]


def test_the_chart_shows_only_what_was_measured_and_zero_on_its_edge() -> None:
    chart = scores.tradeoff_chart(rows(), KL, named=["moons-exact"])
    exact, flow = chart.data  # neither the diffusion model nor the GAN, which has no density
    assert exact.marker.symbol == "star-open"
    assert flow.marker.symbol == "square"
    assert exact.y[0] < flow.y[0]
    assert flow.error_y.arrayminus[0] < flow.y[0]  # a logarithmic axis has no zero
    assert [trace.mode for trace in chart.data].count("markers+text") == 1
    low, high = chart.layout.yaxis.range
    assert low < math.log10(exact.y[0]) < math.log10(flow.y[0]) < high  # none is cut off
    assert not scores.tradeoff_chart(rows(), DISTANCE, named=[]).data
    assert not scores.tradeoff_chart([], KL, named=[]).data


@pytest.mark.parametrize(("share", "told"), [(0.41, None), (0.98, 8.0)])
def test_modes_count_where_samples_lie_in_them(share: float, told: float | None) -> None:
    """A single blob over all modes holds each: its 8 of 8 says nothing."""
    quality = [("modes", 8.0, 0.0), ("high_quality", share, 0.0), ("mode_spread", 1.5, 0.0)]
    (line,) = scores.table([scores.row(card("moons-flow-spline", *quality), EXACT, None, None)])
    assert line["modes"] == told
    assert (line["high quality"], line["spread"]) == (share, 1.5)


def test_five_columns_are_what_matters() -> None:
    (line, *_) = scores.main_columns(rows())
    assert list(line) == ["model", "inference", "KL", "W₂ ratio", "seconds"]
    assert line["KL"] == scores.table(rows())[0]["KL"]


def test_a_marker_has_a_shape_for_verbs_that_nobody_knows() -> None:
    assert scores.symbol(SimpleNamespace(verbs=frozenset({"encode"}))) == "cross"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("bound", "words"), [("exact", "exact"), ("lower", "lower bound"), ("estimate", "estimate")]
)
def test_a_bound_is_never_called_exact(bound: str, words: str) -> None:
    flow = card("moons-flow-spline", ("nll_bound", 2.6, 0.01), ("kl_bound", 0.2, 0.01))
    measure = flow.measure.model_copy(update={"bound": bound})
    row = scores.row(flow.model_copy(update={"measure": measure}), EXACT, None, None)
    assert row.inference == words
    assert row.kl == scores.Figure(0.2, 0.01, "how kl_bound")
    assert row.log_likelihood == scores.Figure(-2.6, 0.01, "how nll_bound")
