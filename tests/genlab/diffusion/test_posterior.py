"""The reverse step by quadrature against closed forms: Normals, mixtures, and what Tweedie says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from genlab import load
from genlab.diffusion import posterior as reverse
from genlab.diffusion import posterior_grid as posterior
from genlab.diffusion import schedules
from genlab.diffusion.posterior import Normal, Posterior, Step
from genlab.diffusion.posterior_grid import Box, LogProbT
from genlab.diffusion.samplers import ddpm
from genlab.runtime import noise
from genlab.runtime.errors import InputError

COSINE = schedules.cosine(1_000)


class Mixture:
    """A mixture of isotropic Gaussians in diffusion units: everything in closed form, float64."""

    def __init__(self, weight: list[float], mean: list[list[float]], std: list[float]) -> None:
        self.weight, self.mean = np.array(weight), np.array(mean)
        self.var = np.array(std) ** 2
        self.d = self.mean.shape[1]

    @property
    def support(self) -> Box:
        reach = 7 * np.sqrt(self.var.max())
        return self.mean.min(0) - reach, self.mean.max(0) + reach

    def _parts(self, x: np.ndarray, bar: np.ndarray) -> np.ndarray:
        """Log of weight times density of each component, [n, K]."""
        var = bar[:, None] * self.var + 1 - bar[:, None]
        away = x[:, None] - np.sqrt(bar)[:, None, None] * self.mean
        square = (away**2).sum(-1) / var
        return np.log(self.weight) - 0.5 * (square + self.d * np.log(2 * np.pi * var))

    def log_prob_t(self, x: np.ndarray, log_snr: np.ndarray) -> np.ndarray:
        bar = schedules.alphas_bar(log_snr)
        return np.logaddexp.reduce(self._parts(x.astype(np.float64), bar), axis=1)

    def reverse(self, x_t: np.ndarray, step: Step) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """q(x_s | x_t), a mixture again: weights [K], means [K, d], variances [K]."""
        bar_t, bar_s = schedules.alphas_bar([step.log_snr_t, step.log_snr_s])
        parts = self._parts(x_t[None], np.array([bar_t]))[0]
        weight = np.exp(parts - np.logaddexp.reduce(parts))
        prior = bar_s * self.var + 1 - bar_s  # of x_s in a component
        gain = prior * step.shrink / (bar_t * self.var + 1 - bar_t)
        away = x_t - np.sqrt(bar_t) * self.mean
        mean = np.sqrt(bar_s) * self.mean + gain[:, None] * away
        return weight, mean, prior - gain * step.shrink * prior

    def mean_of(self, x_t: np.ndarray, step: Step) -> np.ndarray:
        """E[x_s | x_t], [d]."""
        weight, mean, _ = self.reverse(x_t, step)
        return weight @ mean

    def denoise(self, x: np.ndarray, log_snr: float) -> tuple[np.ndarray, np.ndarray]:
        bar = float(schedules.alphas_bar(log_snr))
        parts = self._parts(x, np.full(len(x), bar))
        share = np.exp(parts - np.logaddexp.reduce(parts, axis=1)[:, None])
        gain = np.sqrt(bar) * self.var / (bar * self.var + 1 - bar)
        x0 = self.mean + gain[:, None] * (x[:, None] - np.sqrt(bar) * self.mean)
        guess = (share[..., None] * x0).sum(1)
        return guess, (x - np.sqrt(bar) * guess) / np.sqrt(1 - bar)


LAWS = {
    "normal on the line": Mixture([1.0], [[0.2]], [0.8]),
    "normal in the plane": Mixture([1.0], [[0.2, -0.4]], [0.8]),
    "two points on the line": Mixture([0.3, 0.7], [[-1.0], [1.2]], [0.05, 0.05]),
    "three blobs in the plane": Mixture(
        [0.5, 0.3, 0.2], [[-1.2, 0.1], [0.9, 1.0], [0.7, -1.3]], [0.2, 0.4, 0.1]
    ),
}
each = pytest.mark.parametrize("law", LAWS.values(), ids=LAWS.keys())


def steps(law: Mixture, x: np.ndarray, t: int, sizes: np.ndarray) -> list[Posterior]:
    return posterior.reverse_steps(law.log_prob_t, x, COSINE[t], COSINE[t - sizes], law.support)


def place(law: Mixture, t: int) -> np.ndarray:
    """A point between the modes of q(x_t), where the reverse step has something to decide."""
    return np.sqrt(schedules.alphas_bar(COSINE[t])) * (law.weight @ law.mean + 0.1)


def test_the_coefficients_are_those_of_two_jumps_forward() -> None:
    step = Step(-1.0, 2.5)
    bar_t, bar_s = schedules.alphas_bar([-1.0, 2.5])
    assert step.shrink**2 * bar_s == pytest.approx(bar_t)
    assert step.shrink**2 * (1 - bar_s) + step.beta == pytest.approx(1 - bar_t)
    # x_s given x_t and x_0, seen from x_0 alone, is the forward process again.
    assert step.from_x0 + step.from_xt * np.sqrt(bar_t) == pytest.approx(np.sqrt(bar_s))
    assert step.from_xt**2 * (1 - bar_t) + step.beta_tilde == pytest.approx(1 - bar_s)


@pytest.mark.parametrize("bad", [(1.0, 1.0), (2.0, 1.0), (np.nan, 1.0), (0.0, np.inf)])
def test_steps_that_lead_nowhere_are_refused(bad: tuple[float, float]) -> None:
    with pytest.raises(InputError):
        Step(*bad)


@pytest.mark.parametrize("name", ["normal on the line", "normal in the plane"])
@pytest.mark.parametrize("t", [30, 400, 1_000])
def test_of_normal_data_every_reverse_step_is_normal(name: str, t: int) -> None:
    law = LAWS[name]
    x = place(law, t) + 0.5
    for post in steps(law, x, t, reverse.step_sizes(t, 12)):
        _, mean, var = law.reverse(x, post.step)
        assert post.mass == pytest.approx(1, abs=1e-5)
        scale = np.sqrt(var[0])
        np.testing.assert_allclose(post.normal.mean, mean[0], atol=1e-4 * scale)
        np.testing.assert_allclose(post.normal.cov, var[0] * np.eye(law.d), atol=1e-4 * var[0])
        assert post.kl(post.normal) < 1e-6


@each
@pytest.mark.parametrize("t", [60, 300, 700, 1_000])
def test_of_a_mixture_it_is_the_mixture_of_the_closed_form(law: Mixture, t: int) -> None:
    x = place(law, t)
    for post in steps(law, x, t, reverse.step_sizes(t, 8)):
        weight, mean, var = law.reverse(x, post.step)
        assert post.mass == pytest.approx(1, abs=2e-3)
        points = np.stack(np.meshgrid(*post.axes, indexing="ij"), -1)
        square = ((points[..., None, :] - mean) ** 2).sum(-1) / var
        parts = np.log(weight) - 0.5 * (square + law.d * np.log(2 * np.pi * var))
        exact = np.logaddexp.reduce(parts, axis=-1)
        there = exact > exact.max() - 15
        np.testing.assert_allclose(post.log_prob[there], exact[there], atol=5e-3)
        centre = weight @ mean
        away = mean - centre
        cov = (weight * var).sum() * np.eye(law.d) + (weight[:, None] * away).T @ away
        scale = np.trace(cov) / law.d
        np.testing.assert_allclose(post.normal.mean, centre, atol=2e-3 * np.sqrt(scale))
        np.testing.assert_allclose(post.normal.cov, cov, atol=5e-3 * scale)


@each
def test_its_mean_is_ddpms_with_the_exact_denoiser_and_its_covariance_is_larger(
    law: Mixture,
) -> None:
    t = 450
    x = place(law, t)
    x0, _ = law.denoise(x[None], COSINE[t])
    spread = reverse.covariance_x0(law.denoise, x[None], COSINE[t])[0]
    for post in steps(law, x, t, np.array([1, 20, 200, 400])):
        ddpm_step = reverse.ddpm_normal(x, x0[0], post.step)
        scale = np.sqrt(post.step.beta_tilde)
        np.testing.assert_allclose(ddpm_step.mean, post.normal.mean, atol=1e-3 * scale)
        told = post.step.beta_tilde * np.eye(law.d) + post.step.from_x0**2 * spread
        np.testing.assert_allclose(post.normal.cov, told, rtol=1e-3, atol=1e-3 * scale**2)
        assert np.linalg.eigvalsh(post.normal.cov)[0] > post.step.beta_tilde


@each
def test_no_normal_is_nearer_than_the_one_of_the_same_moments(law: Mixture) -> None:
    t = 500
    post = steps(law, place(law, t), t, np.array([300]))[0]
    best = post.normal
    least = post.kl(best)
    aside = best.mean + 0.1 * np.sqrt(best.cov[0, 0])
    for mean, factor in [(aside, 1.0), (best.mean, 0.5), (best.mean, 2.0)]:
        assert post.kl(Normal(mean, factor * best.cov)) > least + 1e-3


@pytest.mark.parametrize("name", ["two points on the line", "three blobs in the plane"])
def test_the_divergences_vanish_with_the_step_the_best_normals_faster(name: str) -> None:
    """Third cumulants fall with β^1.5, the covariance that DDPM lacks with β: KL ∝ β³ and β²."""
    law, t = LAWS[name], 500
    x = place(law, t)
    sizes = np.array([8, 16, 32, 64])
    posts = steps(law, x, t, sizes)
    x0, _ = law.denoise(x[None], COSINE[t])
    best = np.array([post.kl(post.normal) for post in posts])
    plain = np.array([post.kl(reverse.ddpm_normal(x, x0[0], post.step)) for post in posts])
    assert (np.diff(best) > 0).all()
    assert (np.diff(plain) > 0).all()
    assert (plain > best).all()
    assert best[0] < 1e-4
    beta = np.array([post.step.beta for post in posts])
    power = [np.diff(np.log(kl))[0] / np.diff(np.log(beta))[0] for kl in (best, plain)]
    assert power[0] == pytest.approx(3, abs=0.4)
    assert power[1] == pytest.approx(2, abs=0.4)


CORNERS = st.tuples(st.floats(-6, 6), st.floats(-6, 6))


@settings(max_examples=200, deadline=None)
@given(
    t=st.integers(5, 1_000),
    share=st.floats(0, 1),
    x=st.tuples(st.floats(-3, 3), st.floats(-3, 3)),
    box=st.none() | st.tuples(CORNERS, st.tuples(st.floats(0.01, 6), st.floats(0.01, 6))),
)
@example(t=500, share=1.0, x=(0.0, 0.0), box=((5.0, 5.0), (0.1, 0.1)))  # holds none of the data
@example(t=1_000, share=1.0, x=(3.0, -3.0), box=((-1.3, 0.0), (0.2, 0.2)))  # holds one blob
def test_the_grid_holds_the_mass_wherever_the_point_stands_and_whatever_the_box(
    t: int,
    share: float,
    x: tuple[float, float],
    box: tuple[tuple[float, float], tuple[float, float]] | None,
) -> None:
    law = LAWS["three blobs in the plane"]
    size = max(1, round(share * t))
    support = (np.array(box[0]), np.add(*box)) if box else law.support
    (post,) = posterior.reverse_steps(law.log_prob_t, x, COSINE[t], [COSINE[t - size]], support)
    assert post.mass == pytest.approx(1, abs=0.01)
    _, mean, var = law.reverse(np.array(x), post.step)
    reach = np.sqrt(var.max()) + np.ptp(mean, axis=0).max()
    assert (np.abs(post.normal.mean - law.mean_of(np.array(x), post.step)) < 0.02 * reach).all()
    assert np.isfinite(post.kl(post.normal))


@pytest.mark.parametrize("x", [[np.nan, 0.0], [0.0, 0.0, 0.0], [[0.0, 0.0]], [np.inf, 1.0]])
def test_absurd_points_are_refused(x: list[float]) -> None:
    law = LAWS["three blobs in the plane"]
    with pytest.raises(InputError):
        posterior.reverse_steps(law.log_prob_t, x, COSINE[9], [COSINE[8]], law.support)


def test_a_point_without_density_is_refused() -> None:
    nowhere: LogProbT = lambda x, log_snr: np.full(len(x), -np.inf)  # noqa: E731
    with pytest.raises(InputError, match="not zero"):
        posterior.reverse_steps(
            nowhere, [0.0], COSINE[9], [COSINE[8]], (np.array([-1.0]), np.array([1.0]))
        )


@pytest.mark.parametrize("t", [1, 2, 37, 1_000])
def test_step_sizes_run_from_one_index_to_all(t: int) -> None:
    sizes = reverse.step_sizes(t, 28)
    assert (sizes[0], sizes[-1]) == (1, t)
    assert (np.diff(sizes) > 0).all()
    assert len(sizes) <= 28


def test_the_ellipse_lies_at_its_radius() -> None:
    normal = Normal(np.array([1.0, -2.0]), np.array([[2.0, 0.9], [0.9, 0.7]]))
    drop = normal.log_prob(normal.mean) - normal.log_prob(normal.ellipse(2.0))
    np.testing.assert_allclose(drop, 2.0, rtol=1e-9)


def run_chain(sampler: object, law: Mixture, steps: int, n: int = 4_000) -> np.ndarray:
    def draw(t: int) -> np.ndarray:
        return noise.normal(0, (n, law.d), "step", t)

    start = noise.normal(0, (n, law.d), "start")
    *_, last = sampler(law.denoise, schedules.cosine(steps), start, draw)  # type: ignore[operator]
    return last.x_t


def test_with_matched_covariances_few_steps_keep_the_spread_of_the_data() -> None:
    law = LAWS["normal in the plane"]
    for steps in (1, 3, 10):
        x = run_chain(reverse.matched, law, steps)
        error = 5 * 0.8 / np.sqrt(len(x))
        np.testing.assert_allclose(x.mean(0), law.mean[0], atol=error)
        np.testing.assert_allclose(np.cov(x.T), 0.64 * np.eye(2), atol=2 * error)
    assert run_chain(ddpm, law, 1).std(0).max() < 0.1  # one step of DDPM ends at the mean


def test_matched_steps_are_no_worse_for_a_mixture_and_agree_with_ddpm_when_small() -> None:
    law = LAWS["two points on the line"]
    true = np.sqrt(law.weight @ (law.mean[:, 0] - law.weight @ law.mean[:, 0]) ** 2)
    few = [run_chain(sampler, law, 4).std() for sampler in (reverse.matched, ddpm)]
    assert abs(few[0] - true) < abs(few[1] - true)
    many = [run_chain(sampler, law, 300, 1_000) for sampler in (reverse.matched, ddpm)]
    assert np.abs(many[0] - many[1]).mean() < 0.05


@pytest.mark.parametrize("dataset", ["moons", "checkerboard", "gaussians8"])
def test_of_the_exported_truth_the_quadrature_and_the_denoiser_agree(dataset: str) -> None:
    model = load(f"{dataset}-exact", device="cpu")
    constants = model.card.constants
    levels = np.array(constants.schedules["cosine"])
    extent = np.array(model.card.extent).reshape(2, 2)
    corners = (extent.T - np.array(constants.diffusion_shift)) / constants.diffusion_scale

    def log_prob_t(x: np.ndarray, log_snr: np.ndarray) -> np.ndarray:
        return model.run("log_prob_t", x=x, log_snr=log_snr)["log_prob_t"]

    x, t = np.array([0.4, 0.7]), 400
    told = model.run("denoise", x=x[None].astype(np.float32), log_snr=[np.float32(levels[t])])
    alpha, sigma = np.sqrt(schedules.alphas_bar([levels[t], -levels[t]]))
    x0 = (x - sigma * told["prediction"][0]) / alpha
    for post in posterior.reverse_steps(
        log_prob_t, x, levels[t], levels[[399, 390, 200, 60]], (corners[0], corners[1])
    ):
        assert post.mass == pytest.approx(1, abs=5e-4)
        mean = reverse.ddpm_normal(x, x0, post.step).mean
        np.testing.assert_allclose(
            post.normal.mean, mean, atol=2e-3 * np.sqrt(post.step.beta_tilde)
        )
