"""Figures of a density say whether it is one."""

import pytest

import genlab
from training.evaluation import points


@pytest.mark.parametrize(
    ("bound", "names", "words"),
    [
        ("exact", ["nll", "kl", "mass"], "negative"),
        ("lower", ["nll_bound", "kl_bound"], "an upper bound"),
        ("estimate", ["nll_estimate", "kl_estimate"], "an estimate"),
    ],
)
def test_likelihoods_of_a_bound_are_named_as_bounds(
    bound: str, names: list[str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(points, "mass", lambda log_prob, window: (1.0, 0.0))
    model = genlab.load("moons-flow-spline", device="cpu")
    measure = model.card.measure.model_copy(update={"bound": bound})
    model.card = model.card.model_copy(update={"measure": measure})
    found = list(points._likelihood(model, 50, 1))
    assert [metric.name for metric in found] == names
    assert found[0].protocol.startswith(words)
