"""Grey levels by the chain rule: masses that sum to one, and nothing seen too early."""

from typing import cast

import pytest
import torch
from torch import Tensor

from training.data import IMAGES
from training.families.images.levels import ANY, LEVELS, Levels, LevelsConfig


@pytest.fixture
def grey() -> Levels:
    torch.manual_seed(0)
    family = LevelsConfig(width=32, layers=2, inner=12, components=3).build(IMAGES["mnist"])
    with torch.no_grad():
        for parameter in family.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return family.double().eval()


@pytest.fixture
def x() -> Tensor:
    levels = torch.randint(LEVELS, (2, 1, 28, 28), generator=torch.Generator().manual_seed(1))
    levels[0, 0, :14], levels[1, 0, 14:] = 0, 255
    return levels.double() / 255


def test_the_masses_of_all_levels_sum_to_one(grey: Levels) -> None:
    mixture = 3 * torch.randn(50, 1, 11, dtype=torch.float64)
    mixture[:25, :, -3:] = -9.0  # thinner than a level
    mixture[25:, :, 5:8] = 3.0  # outside of what is drawn
    masses = grey.log_masses(mixture.expand(-1, LEVELS, -1), grey.every.expand(50, -1)).exp()
    torch.testing.assert_close(masses.sum(-1), torch.ones(50, dtype=torch.float64))
    assert masses.min() >= 0.99 * ANY / LEVELS


def test_a_mass_is_what_a_logistic_has_between_two_edges(grey: Levels) -> None:
    logits, mean, log_scale = torch.tensor([0.3, -0.2, 0.1, -1.0, 0.4]), 0.2, -3.0
    parts = (logits, torch.full((3,), mean, dtype=torch.float64), torch.full((3,), log_scale))
    mixture = torch.cat(parts).double().expand(1, LEVELS, -1)
    found = grey.log_masses(mixture, grey.every.expand(1, -1))[0].exp()
    edges = (torch.arange(1, LEVELS).double() - 0.5) / 127.5 - 1
    below = ((edges - mean) / torch.tensor(log_scale).double().exp()).sigmoid()
    ends = below.new_zeros(1), below.new_ones(1)
    between = torch.cat((ends[0], below, ends[1])).diff()
    shares = logits.double().softmax(-1)
    expected = shares[:3].sum() * between
    expected[0] += shares[3]
    expected[-1] += shares[4]
    torch.testing.assert_close(found, (1 - ANY) * expected + ANY / LEVELS)


def test_float32_tells_what_float64_does(grey: Levels) -> None:
    mixture = 2 * torch.randn(40, 1, 11, dtype=torch.float64).expand(-1, LEVELS, -1)
    every = grey.every.expand(40, -1)
    fine, coarse = (
        grey.log_masses(mixture.to(d), every.to(d)) for d in (torch.float64, torch.float32)
    )
    assert (fine - coarse).abs().max() < 2e-4


def test_step_by_step_is_at_once(grey: Levels, x: Tensor) -> None:
    log_prob, terms = grey.log_prob(x)
    torch.testing.assert_close(terms.sum(1), log_prob)
    values = grey.sequence(x).flatten(1)
    cache = values.new_zeros(2, 0, grey.remembered)
    for t in range(70):
        said, cache = grey.next(values[:, :t], cache)
        torch.testing.assert_close(said.logsumexp(-1), values.new_zeros(2), atol=1e-9, rtol=0)
        told = said.gather(1, values[:, [t]].long())[:, 0]
        torch.testing.assert_close(told, terms[:, t])


@pytest.mark.parametrize("t", [0, 3, 100, 783])
def test_no_pixel_is_seen_before_its_turn(grey: Levels, x: Tensor, t: int) -> None:
    order = cast(list[list[int]], LevelsConfig().facts(IMAGES["mnist"])["constants"]["order"])
    index = torch.tensor(order)[:, 0]
    other = x.clone().flatten(1)
    other[:, index[t:]] = 1 - other[:, index[t:]]
    before, after = grey.log_prob(x)[1], grey.log_prob(other.reshape(x.shape))[1]
    torch.testing.assert_close(before[:, :t], after[:, :t])
    assert (before[:, t] - after[:, t]).abs().min() > 0
