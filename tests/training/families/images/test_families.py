"""Denoiser, GAN and classifier of images: what each of them promises its loop and its files."""

from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch

from genlab.contract.card import Space
from genlab.contract.kinds import Setting
from training.data import IMAGES
from training.data.images import Labelled
from training.export.onnx import halve, store_halved, to_onnx
from training.families.gan import OBJECTIVES
from training.families.images import diffusion as unet
from training.families.images.classifier import ClassifierConfig
from training.families.images.diffusion import Unet, UnetConfig
from training.families.images.flow import ImageFlowConfig
from training.families.images.gan import Dcgan, DcganConfig
from training.nets.folding import fold, is_plain

MNIST, FASHION = IMAGES["mnist"], IMAGES["fashion"]
UNET = UnetConfig(width=8, deep=16, blocks=1, embedding=16)
GAN = DcganConfig(latent=4, width=8, critic_width=8)
CLASSIFIER = ClassifierConfig(width=8, features=8)


def batch(n: int = 6) -> Labelled:
    draw = torch.Generator().manual_seed(0)
    return Labelled(torch.rand(n, 1, 28, 28, generator=draw), torch.arange(n) % 10)


# The hinge has no use for a bias while nothing is told apart: real and fake images cancel.
STEEP = replace(GAN, objective="nonsaturating")


@pytest.mark.parametrize("config", [UNET, STEEP, CLASSIFIER], ids=lambda config: config.family)
def test_every_player_learns_with_its_own_parameters(
    config: UnetConfig | DcganConfig | ClassifierConfig,
) -> None:
    torch.manual_seed(0)
    family = config.build(MNIST)
    with torch.no_grad():  # some layers begin at zero and would hide the others
        for parameter in family.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    players = family.players()
    assert sum(map(len, players.values())) == len(list(family.parameters()))
    for name, parameters in players.items():
        gradients = torch.autograd.grad(family.loss(batch(32), name), parameters)
        assert all(gradient.abs().sum() > 0 for gradient in gradients), name
    with pytest.raises(KeyError):
        family.loss(batch(), "nobody")


@pytest.mark.parametrize("config", [UNET, GAN, CLASSIFIER], ids=lambda config: config.family)
def test_rows_do_not_see_each_other(config: UnetConfig | DcganConfig | ClassifierConfig) -> None:
    for graph in config.build(MNIST).eval().graphs().values():
        module = graph.module
        both = [torch.cat((value, value.flip(0))) for value in graph.inputs.values()]
        said, alone = module(*both), module(*(value[:1] for value in both))
        many, one = (out[0] if isinstance(out, tuple) else out for out in (said, alone))
        torch.testing.assert_close(many[:1], one)
        torch.testing.assert_close(many[3:], one)  # the last row is the first one again


def test_loss_is_zero_for_a_denoiser_that_knows_the_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With one image in the world, v follows from x_λ: the loss must see exactly that v."""
    net = UNET.build(MNIST)
    one = batch(1)
    x0 = (one.x - 0.5) / 0.5

    def oracle(x: torch.Tensor, log_snr: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        alpha, sigma = (
            s.sqrt()[:, None, None, None] for s in (log_snr.sigmoid(), (-log_snr).sigmoid())
        )
        return (alpha * x - x0) / sigma

    monkeypatch.setattr(Unet, "denoise", lambda self, *inputs: oracle(*inputs))
    monkeypatch.setattr(unet, "noise_levels", lambda n, *_: torch.linspace(-8, 8, n))
    many = Labelled(one.x.expand(40, -1, -1, -1), torch.zeros(40, dtype=torch.int64))
    assert net.loss(many, "denoiser").item() == pytest.approx(0, abs=1e-4)


def test_hidden_labels_are_those_of_the_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[torch.Tensor] = []

    def listen(
        self: Unet, x: torch.Tensor, log_snr: torch.Tensor, label: torch.Tensor
    ) -> torch.Tensor:
        told.append(label)
        return torch.zeros_like(x)

    monkeypatch.setattr(Unet, "denoise", listen)
    many = Labelled(torch.zeros(4000, 1, 28, 28), torch.full((4000,), 3))
    UnetConfig(width=8, deep=16, hidden_labels=0.25).build(MNIST).loss(many, "denoiser")
    assert set(told[0].tolist()) == {3, 10}
    assert (told[0] == 10).float().mean().item() == pytest.approx(0.25, abs=0.03)


def trained_gan(steps: int = 5) -> Dcgan:
    """A GAN whose batch norms have seen batches and whose singular vectors have turned."""
    torch.manual_seed(0)
    gan = GAN.build(MNIST)
    for _ in range(steps):
        for player in gan.players():
            gan.loss(batch(16), player)
    return gan


def test_folded_gan_says_the_same() -> None:
    gan = trained_gan()
    plain = fold(gan)
    assert is_plain(plain)
    assert not is_plain(gan)
    assert gan.training  # as before
    assert isinstance(plain, Dcgan)
    z, x = torch.randn(5, 4), batch().x
    gan.eval()
    torch.testing.assert_close(plain.decode(z), gan.decode(z))
    # Both divide by the largest singular value; the twin has looked for it longer.
    torch.testing.assert_close(plain.critic(x), gan.critic(x), rtol=0.2, atol=0.02)
    assert fold(plain) is plain


def test_no_folded_layer_of_the_critic_stretches_by_more_than_one() -> None:
    """Of its weights as a matrix with a row for each output, as Miyato et al. do."""
    gan = trained_gan(1)
    with torch.no_grad():  # as an average has it: directions that fit no weights
        for name, value in gan.named_buffers():
            if name.endswith(("_u", "_v")):
                value.mul_(0.9)
    for layer in fold(gan).modules():
        if isinstance(layer, torch.nn.Linear) or (
            isinstance(layer, torch.nn.Conv2d) and layer.out_channels > 1
        ):
            largest = torch.linalg.svdvals(layer.weight.flatten(1))[0]
            assert largest.item() == pytest.approx(1, abs=0.05)


def test_names_of_folded_weights_fit_the_snapshots_of_any_step() -> None:
    first, last = (fold(gan).state_dict() for gan in (GAN.build(MNIST), trained_gan()))
    assert first.keys() == last.keys()
    assert not any(word in name for name in first for word in ("parametrizations", "running"))


def test_norm_that_follows_no_convolution_cannot_be_folded() -> None:
    with pytest.raises(TypeError, match="right before it"):
        fold(torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2)))


def test_critic_learns_from_what_it_cannot_tell_apart_by_more_than_one() -> None:
    objective = OBJECTIVES["hinge"]
    real, fake = torch.tensor([2.0, 0.5, -1.0]), torch.tensor([-3.0, -0.25, 1.0])
    assert objective.critic(real, fake).tolist() == [0, 0.5 + 0.75, 2 + 2]
    assert objective.generator(real, fake).tolist() == (-fake).tolist()


def test_varied_images_move_by_what_the_recipe_says() -> None:
    still = ClassifierConfig(shift_pixels=0, turn_degrees=0, zoom=0).build(MNIST)
    x = batch().x
    torch.testing.assert_close(still.vary(x), x, atol=1e-5, rtol=0)
    dot = torch.zeros(500, 1, 28, 28)
    dot[:, :, 13:15, 13:15] = 1
    moved = ClassifierConfig(shift_pixels=2, turn_degrees=0, zoom=0).build(MNIST).vary(dot)
    at = torch.arange(28.0)
    column = (moved.sum((1, 2)) * at).sum(1) / moved.sum((1, 2, 3))
    assert (column - 13.5).abs().max() <= 2.01
    assert (column - 13.5).abs().max() > 1.5


def test_only_clothes_are_mirrored() -> None:
    x = torch.zeros(200, 1, 28, 28)
    x[..., :14] = 1
    for dataset, sides in ((MNIST, 1), (FASHION, 2)):
        config = ClassifierConfig(shift_pixels=0, turn_degrees=0, zoom=0)
        left = config.build(dataset).vary(x)[:, 0, 14, 3].round()
        assert len(left.unique()) == sides


def test_halved_weights_are_what_the_file_holds() -> None:
    """Half the bytes, the same names, and what the rounded module says."""
    torch.manual_seed(0)
    family = ClassifierConfig(width=16, features=16).build(MNIST).eval()
    halve(family)
    (graph,) = family.graphs().values()
    whole = to_onnx(graph, Setting({"data": Space(shape=(1, 28, 28), kind="image")}))
    halved = store_halved(whole)
    assert len(halved) < 0.6 * len(whole)
    session = onnxruntime.InferenceSession(halved, providers=["CPUExecutionProvider"])
    x = batch(5).x
    (said,) = session.run(["logits"], {"x": x.numpy()})
    np.testing.assert_allclose(said, family.classify(x)[0].detach().numpy(), atol=1e-4)


FLOW = ImageFlowConfig(hidden=18, rank=4, deep=8, width=8, blocks=1)


@pytest.mark.parametrize(
    ("config", "event_shape"),
    [(c, shape) for c in (UNET, GAN, CLASSIFIER) for shape in ((3, 32, 32), (1, 64, 64))]
    + [(FLOW, (1, 64, 64)), (GAN, (3, 16, 24))],
    ids=str,
)
def test_images_may_have_colours_and_other_sizes(
    config: UnetConfig | DcganConfig | ClassifierConfig | ImageFlowConfig,
    event_shape: tuple[int, int, int],
) -> None:
    """What is learned from and what the files take and give are of the data set's shape."""
    dataset = replace(MNIST, event_shape=event_shape)
    family = config.build(dataset)
    x = torch.rand(4, *event_shape)
    for player, parameters in family.players().items():
        loss = family.loss(Labelled(x, torch.arange(4)), player)
        assert loss.isfinite()
        torch.autograd.grad(loss, parameters)
    for graph in family.eval().graphs().values():
        said = graph.module(*graph.inputs.values())
        named = dict(zip(graph.outputs, said if isinstance(said, tuple) else (said,), strict=True))
        pictures = {**graph.inputs, **named}
        shapes = {
            tuple(pictures[name].shape[1:]) for name in ("x", "prediction") if name in pictures
        }
        assert shapes <= {event_shape}
        if "z" in pictures and config is FLOW:
            assert pictures["z"].shape == (2, dataset.dim)


def test_images_that_do_not_fit_are_refused() -> None:
    for config in (UNET, GAN, CLASSIFIER, FLOW):
        with pytest.raises(ValueError, match="multiples of 4, not 30 × 28"):
            config.build(replace(MNIST, event_shape=(1, 30, 28)))
    with pytest.raises(ValueError, match="grey images"):
        FLOW.build(replace(MNIST, event_shape=(3, 32, 32)))
