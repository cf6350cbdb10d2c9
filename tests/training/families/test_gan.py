"""The players' losses have the gradients of the lecture, and reach only what they should."""

import pytest
import torch

from training.data import DATASETS
from training.families.gan import OBJECTIVES, FourierFeatures, Gan, GanConfig, falling


@pytest.fixture(params=list(OBJECTIVES))
def gan(request: pytest.FixtureRequest) -> Gan:
    return GanConfig(objective=request.param, hidden=8, penalty=0.1).build(DATASETS["gaussians8"])


def test_each_player_learns_with_all_its_parameters(gan: Gan) -> None:
    batch = DATASETS["gaussians8"].sample(32)
    for player, parameters in gan.players().items():
        gradients = torch.autograd.grad(gan.loss(batch, player), parameters, allow_unused=True)
        for index, gradient in enumerate(gradients):
            assert gradient is not None
            # The last bias cancels where differences are judged, or (in a hinge) nothing is told
            # apart by more than 1 yet.
            even = gan.config.objective in ("relativistic", "hinge")
            cancels = even and index == len(gradients) - 1
            assert gradient.abs().sum() > 0 or (player == "critic" and cancels)


def test_the_players_are_all_there_is(gan: Gan) -> None:
    owned = [id(p) for parameters in gan.players().values() for p in parameters]
    assert sorted(owned) == sorted(id(p) for p in gan.parameters())
    assert list(gan.players()) == ["critic", "generator"]
    with pytest.raises(KeyError):
        gan.loss(torch.zeros(2, 2), "judge")


def test_gradient_of_the_generator_against_the_critics_belief() -> None:
    """With D = D(G(z)): |d loss / d logit| is 1 - D without saturation, D with it."""
    logit = torch.linspace(-8, 8, 33, dtype=torch.float64, requires_grad=True)
    belief = logit.detach().sigmoid()
    for name, size in {"nonsaturating": 1 - belief, "minimax": belief}.items():
        loss = OBJECTIVES[name].generator(torch.zeros_like(logit), logit)
        (slope,) = torch.autograd.grad(loss.sum(), logit)
        torch.testing.assert_close(slope, -size)


def test_cross_entropy_is_least_at_the_optimal_critic() -> None:
    """Two densities p and q at a point: D* = p / (p + q), log-odds log p - log q."""
    p, q = torch.tensor([0.3, 0.9, 1.4]), torch.tensor([0.7, 0.1, 1.4])

    def loss(logit: torch.Tensor) -> torch.Tensor:
        zero = torch.zeros_like(logit)
        critic = OBJECTIVES["nonsaturating"].critic
        at_zero = critic(zero, zero) / 2
        return p * (critic(logit, zero) - at_zero) + q * (critic(zero, logit) - at_zero)

    logit = (p / q).log().requires_grad_()
    (slope,) = torch.autograd.grad(loss(logit).sum(), logit)
    torch.testing.assert_close(slope, torch.zeros(3), atol=1e-6, rtol=0)


def test_penalty_has_the_gradient_of_the_squared_slope_in_standard_units() -> None:
    """And no value: the curve shows the objective alone."""
    dataset = DATASETS["gaussians8"]
    batch = dataset.sample(16)
    losses, gradients = [], []
    for penalty in (0.0, 2.0):
        torch.manual_seed(1)
        gan = GanConfig(hidden=8, penalty=penalty).build(dataset)
        gan.judge = torch.nn.Sequential(torch.nn.Linear(2, 1))
        torch.nn.init.constant_(gan.judge[0].weight, 3.0)
        torch.manual_seed(2)
        losses.append(gan.loss(batch, "critic"))
        gradients.append(torch.autograd.grad(losses[-1], gan.judge[0].weight)[0])
    assert torch.equal(losses[1], losses[0])
    # γ/2 (|w|² + |w|²) = γ |w|² with w = (3, 3), whatever the data's scale: its slope is 2 γ w.
    torch.testing.assert_close(gradients[1] - gradients[0], torch.full((1, 2), 2 * 2.0 * 3.0))


def test_critic_judges_each_row_alone(gan: Gan) -> None:
    x = DATASETS["gaussians8"].sample(9)
    alone = torch.cat([gan.critic(row[None]) for row in x])
    torch.testing.assert_close(gan.critic(x), alone)


@pytest.mark.parametrize("octaves", [0, 1, 3])
def test_fourier_features_keep_the_point_and_add_doubling_frequencies(octaves: int) -> None:
    x = torch.randn(5, 2)
    seen = FourierFeatures(octaves)(x)
    assert seen.shape == (5, 2 * (1 + 2 * octaves))
    torch.testing.assert_close(seen[:, :2], x)
    # One period of the slowest sine is four, and of each following one half as long.
    torch.testing.assert_close(
        FourierFeatures(octaves)(x + 4)[:, 2:], seen[:, 2:], atol=1e-4, rtol=0
    )
    if octaves:
        assert not torch.allclose(FourierFeatures(octaves)(x + 2)[:, 2:], seen[:, 2:], atol=0.1)


def test_penalty_falls_by_a_constant_factor_and_stays() -> None:
    config = GanConfig(hidden=8, penalty=0.1, penalty_end=0.001, fall=4)
    gan, batch, seen = config.build(DATASETS["moons"]), DATASETS["moons"].sample(8), []
    for _ in range(6):
        seen.append(falling(config.penalty, config.penalty_end, gan.played, config.fall))
        gan.loss(batch, "critic")
        gan.loss(batch, "generator")  # the generator's steps do not count
    assert seen == pytest.approx([0.1 * 0.01 ** (min(step, 4) / 4) for step in range(6)])


def test_generator_may_see_fourier_features_of_its_latents() -> None:
    gan = GanConfig(hidden=8, latent_octaves=2).build(DATASETS["moons"])
    assert gan.decode(torch.randn(5, 2)).shape == (5, 2)
    assert gan.generator[1][0].in_features == 2 * (1 + 2 * 2)
