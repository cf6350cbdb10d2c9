"""The chart of a training says from where its steps count."""

import pytest

from dashboard.plots.charts import loss_chart
from dashboard.shared import catalogue
from genlab.contract.card import Card

MODEL = "moons-flow-spline"
TRAIN = f"python -m training train {MODEL}"


def trained_by(command: str) -> Card:
    card = catalogue.read_catalogue().cards[MODEL]
    told = card.provenance.model_copy(update={"command": command})
    return card.model_copy(update={"provenance": told})


@pytest.mark.parametrize(
    ("command", "axis"),
    [
        (TRAIN, "training step"),
        (f"{TRAIN} --lr 0.1", "training step"),
        (
            f"{TRAIN} && {TRAIN} --init {MODEL} --lr 0.1",
            "training step since it went on from its own earlier weights",
        ),
        (
            f"{TRAIN} --init=moons-other",
            "training step since it went on from the weights of moons-other",
        ),
        (
            f"a --init moons-other && {TRAIN} --init {MODEL}",
            "training step since it went on from its own earlier weights",
        ),
    ],
)
def test_a_curve_that_does_not_begin_at_nothing_says_so(command: str, axis: str) -> None:
    title = loss_chart(trained_by(command), "loss").layout.xaxis.title.text
    assert title.replace("<br>", " ") == axis
