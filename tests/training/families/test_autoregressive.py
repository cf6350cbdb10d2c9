"""The chain rule: nothing is seen too early, and step by step is at once."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor

from genlab.contract.card import Space
from genlab.contract.kinds import Setting
from training.data import DATASETS, IMAGES
from training.data.images import Images, Labelled
from training.export.onnx import check_values, to_onnx
from training.export.publish import setting_of
from training.families.autoregressive import Ar, ArConfig
from training.families.base import FamilyConfig
from training.families.images.autoregressive import Causal, CausalConfig, Patches, cells
from training.families.images.recurrent import Recurrent, RecurrentConfig

BINARY = IMAGES["bmnist"]
TINY = SimpleNamespace(event_shape=(1, 4, 4))
ATTENTION, RECURRENCE = CausalConfig(width=32, layers=2), RecurrentConfig(width=12)


@pytest.fixture(params=["xy", "yx"])
def plane(request: pytest.FixtureRequest) -> Ar:
    torch.manual_seed(0)
    return moved(ArConfig(components=4, hidden=16, order=request.param).build(DATASETS["moons"]))


@pytest.fixture(params=[ATTENTION, RECURRENCE], ids=["attention", "recurrence"])
def shape(request: pytest.FixtureRequest) -> FamilyConfig:
    return request.param


@pytest.fixture
def images(shape: FamilyConfig) -> Patches:
    torch.manual_seed(0)
    return moved(shape.build(BINARY))


def moved(family: Any) -> Any:
    """In float64, with weights away from their small beginnings."""
    with torch.no_grad():
        for parameter in family.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return family.double().eval()


def density(mixture: Tensor, at: Tensor) -> Tensor:
    """Log density [n] of mixtures [n, 3 k] at numbers [n]: an implementation of torch's."""
    logits, means, logs = mixture.chunk(3, -1)
    parts = torch.distributions.Normal(means, logs.exp())
    choice = torch.distributions.Categorical(logits=logits)
    return torch.distributions.MixtureSameFamily(choice, parts).log_prob(at)


def test_two_steps_of_the_plane_are_its_likelihood(plane: Ar) -> None:
    x = DATASETS["moons"].sample(60).double()
    log_prob, terms = plane.log_prob(x)
    known = x[:, [plane.first]]
    said = plane.next(known[:, :0]), plane.next(known)
    told = [density(said[0], x[:, plane.first]), density(said[1], x[:, plane.second])]
    torch.testing.assert_close(torch.stack(told, 1), terms)
    torch.testing.assert_close(terms.sum(1), log_prob)


def test_the_first_factor_does_not_see_the_second_coordinate(plane: Ar) -> None:
    x = DATASETS["moons"].sample(20).double().requires_grad_()
    (gradient,) = torch.autograd.grad(plane.log_prob(x)[1][:, 0].sum(), x)
    assert not gradient[:, plane.second].any()
    assert gradient[:, plane.first].any()


def test_the_density_of_the_plane_integrates_to_one(plane: Ar) -> None:
    side = torch.linspace(-16, 16, 641, dtype=torch.float64)
    grid = torch.cartesian_prod(side, side)
    with torch.no_grad():
        mass = plane.log_prob(grid)[0].exp().sum() * (side[1] - side[0]) ** 2
    assert mass.item() == pytest.approx(1, abs=5e-3)


def test_a_patch_does_not_see_itself_nor_what_follows(images: Patches) -> None:
    """Of the logits at t, by what they are embedded from: a gradient of zero, not a small one."""
    values = torch.randint(0, 16, (3, 196))
    shown: list[Tensor] = []

    def keep(module: torch.nn.Module, given: object, out: Tensor) -> Tensor:
        shown.append(out.detach().requires_grad_())
        return shown[-1]

    seen_by = embeddings(images)
    hooks = [embedding.register_forward_hook(keep) for embedding, _ in seen_by]
    logits = images.logits(values)
    for hook in hooks:
        hook.remove()
    at, first = 97, False
    gradients = torch.autograd.grad(logits[:, at].square().sum(), shown)
    for (_, back), gradient in zip(seen_by, gradients, strict=True):
        # Entry p of an embedding holds the value at p − back.
        seen = {p - back for p in range(196) if gradient[:, p].any()}
        assert max(seen) < at
        assert at - back in seen
        first = first or 0 in seen
    assert first  # however long ago


def embeddings(images: Patches) -> list[tuple[torch.nn.Module, int]]:
    """All embeddings of values in a model, in the order in which it asks them; how far back."""
    if isinstance(images, Causal):
        return list(zip(images.tokens, images.near, strict=True))
    assert isinstance(images, Recurrent)
    above = zip(images.seen_above, images.above, strict=True)
    return [*above, *zip(images.seen_left, images.left, strict=True)]


def test_step_by_step_with_a_cache_is_the_likelihood_at_once(images: Patches) -> None:
    x = torch.bernoulli(torch.rand(3, 1, 28, 28)).double()
    values = images.sequence(x)
    log_prob, terms = images.log_prob(x)
    cache = torch.zeros(3, 0, images.remembered, dtype=torch.float64)
    with torch.no_grad():
        for t in range(196):
            logits, cache = images.next(values[:, :t].double(), cache)
            one = logits.log_softmax(-1).gather(1, values[:, [t]])[:, 0]
            torch.testing.assert_close(one, terms[:, t])
    torch.testing.assert_close(terms.sum(1), log_prob)


def test_masses_of_all_images_sum_to_one(shape: FamilyConfig) -> None:
    """Of 4 × 4 pixels, two patches wide, so that what lies two to the right is the patch itself."""
    torch.manual_seed(0)
    tiny = moved(shape.build(TINY))
    pixels = torch.cartesian_prod(*[torch.arange(2.0, dtype=torch.float64)] * 16)
    with torch.no_grad():
        mass = tiny.log_prob(pixels.reshape(-1, 1, 4, 4))[0].exp()
    assert mass.sum().item() == pytest.approx(1, abs=1e-9)
    assert mass.max() > 100 * mass.min()


def test_cells_are_the_patches_row_by_row_and_digits_from_the_least(images: Patches) -> None:
    order = cells((1, 4, 4), 2)
    assert order.tolist()[:3] == [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13]]
    x = torch.zeros(1, 1, 28, 28)
    x[0, 0, 0, 1], x[0, 0, 1, 3] = 1, 1  # digit 1 of patch 0, digit 3 of patch 1
    assert images.sequence(x)[0, :3].tolist() == [2, 8, 0]


def test_check_inputs_hold_every_value_that_a_patch_may_have(
    shape: FamilyConfig,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def noise(_: Images, n: int, generator: torch.Generator) -> Labelled:
        return Labelled(torch.rand(n, 1, 28, 28, generator=generator).round(), torch.zeros(n))

    monkeypatch.setattr(type(BINARY), "sample", noise)  # digits may be far away
    facts = shape.facts(BINARY)
    setting: Setting = setting_of(BINARY, facts)
    check = check_values({"next": shape.build(BINARY).graphs()["next"]}, setting)
    known = np.concatenate([check[f"next/{n}/in/known"].reshape(-1) for n in (2, 33)])
    assert set(known) <= set(range(16))
    assert len(set(known)) > 10
    assert facts["measure"] == {"kind": "discrete", "levels": 2, "bound": "exact"}


@pytest.mark.parametrize("shape", [RECURRENCE])
def test_the_file_of_next_repeats_the_likelihood(shape: FamilyConfig) -> None:
    """With as many rows and values as asked, from none known to all but the last."""
    torch.manual_seed(0)
    tiny = moved(shape.build(TINY)).float()
    setting = Setting({"data": Space(shape=(1, 4, 4), kind="image")})
    file = to_onnx(tiny.graphs()["next"], setting)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    x = torch.rand(5, 1, 4, 4).round()
    terms, values = tiny.log_prob(x)[1].detach(), tiny.sequence(x)
    cache = np.zeros((5, 0, tiny.remembered), np.float32)
    for t in range(4):
        known = values[:, :t].float().numpy()
        logits, cache = session.run(None, {"known": known, "cache": cache})
        told = torch.from_numpy(logits).log_softmax(-1).gather(1, values[:, [t]])[:, 0]
        torch.testing.assert_close(told, terms[:, t], atol=1e-5, rtol=0)
