"""Packing of plain ONNX files: what exporters write becomes what the contract asks for.

The graphs are a few nodes in onnx's text format; answers are computed here in numpy.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper, parser

import genlab
from genlab import load
from genlab.__main__ import main
from genlab.contract.errors import ContractError
from tests.toys import compiled

RNG = np.random.default_rng(3)
WEIGHT = RNG.standard_normal((4, 3 * 6 * 8)).astype(np.float32)
DCGAN = """g (float[n,4,1,1] noise) => (float[n,3,6,8] img)
<int64[2] flat = {-1, 4}, int64[4] image = {-1, 3, 6, 8}> {
  z = Reshape(noise, flat)
  x = MatMul(z, W)
  t = Tanh(x)
  img = Reshape(t, image)
}"""
"""A generator of tanh images of latents [n, z, 1, 1]; inner tensors have names of the contract."""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a graph in onnx's text format as a file."""

    def written(name: str, text: str, **weights: np.ndarray) -> Path:
        (tmp_path / name).write_bytes(compiled(text, **weights))
        return tmp_path / name

    return written


def pack(*model: Path, into: Path, **options: Any) -> genlab.ExportedModel:
    """The packed model, opened as a script does."""
    card = genlab.pack(*model, into=into / "models", **{"thumbnail": False} | options)
    return load(card.id, device="cpu", folders=[into / "models"])


def refused(**options: Any) -> ContractError:
    """The error of packing, which leaves nothing behind."""
    with pytest.raises(ContractError) as caught:
        pack(**options)
    assert not (options["into"] / "models").exists()
    assert len(str(caught.value).splitlines()) == 1
    return caught.value


def test_a_dcgan_of_tanh_images_with_its_critic(tmp_path: Path, write: Write) -> None:
    critic = """d (float[n,3,6,8] img) => (float[n,1,1,1] p)
    <int64[3] axes = {1, 2, 3}> { m = ReduceMean(img, axes)
      p = Sigmoid(m) }"""
    g, d = write("g.onnx", DCGAN, W=WEIGHT), write("d.onnx", critic)
    model = pack(
        g, into=tmp_path, id="faces-gan", kind="generator", critic=d, range="tanh",
        probabilities=True,
    )  # fmt: skip
    z = RNG.standard_normal((5, 4)).astype(np.float32)
    tanh = np.tanh(z @ WEIGHT).reshape(5, 3, 6, 8)
    np.testing.assert_allclose(model.decode(z), 0.5 * tanh + 0.5, atol=1e-6)
    logit = tanh.mean(axis=(1, 2, 3))  # log-odds of the sigmoid of the mean, at images in [-1, 1]
    np.testing.assert_allclose(model.critic(0.5 * tanh + 0.5), logit, atol=1e-5)
    assert model.card.constants.critic_scale == "logit"
    assert model.card.event_shape == (3, 6, 8)
    assert model.card.space.kind == "image"
    assert "onnxruntime itself" in model.card.recipe["check_values"]
    assert model.card.parity == {}
    assert model.card.provenance.command == (
        "genlab pack g.onnx --id faces-gan --kind generator --critic d.onnx --range tanh "
        "--probabilities --no-thumbnail"
    )
    assert str(tmp_path) not in model.card.dumps()


def test_images_outside_of_0_to_1_are_refused_with_the_range_that_fits(
    tmp_path: Path, write: Write
) -> None:
    g = write("g.onnx", DCGAN, W=WEIGHT)
    error = refused(model=g, into=tmp_path, id="faces-gan", kind="generator")
    assert error.field == "decode.x"
    assert "range=tanh" in error.todo
    clipped = pack(g, into=tmp_path, id="faces-gan", kind="generator", clip=True)
    assert clipped.sample(50).min() == 0


@pytest.mark.parametrize(
    ("told", "expected"),
    [("logits", lambda x: 1 / (1 + np.exp(-x))), ("unit", lambda x: x)],
)
def test_the_decoder_of_a_vae_alone(
    tmp_path: Path, write: Write, told: str, expected: Callable[[np.ndarray], np.ndarray]
) -> None:
    end = "y = Identity(h)" if told == "logits" else "y = Sigmoid(h)"
    decoder = f"d (float[n,4] latent) => (float[n,16] y) {{ h = MatMul(latent, W)\n {end} }}"
    weight = RNG.standard_normal((4, 16)).astype(np.float32)
    file = write("vae.onnx", decoder, W=weight)
    model = pack(file, into=tmp_path, id="dots-vae", kind="decoder", range=told, shape=(1, 4, 4))
    z = RNG.standard_normal((3, 4)).astype(np.float32)
    images = (1 / (1 + np.exp(-z @ weight))).reshape(3, 1, 4, 4)
    np.testing.assert_allclose(model.decode(z), images, atol=1e-6)
    assert model.card.verbs == {"decode"}


def test_a_whole_vae_with_log_variances_and_another_range_at_each_end(
    tmp_path: Path, write: Write
) -> None:
    decoder = "d (float[n,2] z) => (float[n,1,1,2] x) <int64[4] s = {-1, 1, 1, 2}> "
    decoder += "{ x = Reshape(z, s) }"
    encoder = """e (float[n,1,1,2] image) => (float[n,2,1,1] mu, float[n,2,1,1] logvar)
    <int64[4] s = {-1, 2, 1, 1}> { mu = Reshape(image, s)
      logvar = Neg(mu) }"""
    model = pack(
        write("d.onnx", decoder), encode=write("e.onnx", encoder), into=tmp_path,
        id="dots-vae", kind="vae", range=("decode=logits", "encode=tanh"),
    )  # fmt: skip
    x = RNG.random((3, 1, 1, 2), np.float32)
    told = model.run("encode", x=x)
    np.testing.assert_allclose(told["z"], (2 * x - 1).reshape(3, 2), atol=1e-6)
    np.testing.assert_allclose(told["log_var"], -(2 * x - 1).reshape(3, 2), atol=1e-6)


def test_axes_of_nhwc_and_bytes_are_put_right_inside(tmp_path: Path, write: Write) -> None:
    generator = """g (float[n,4] z) => (uint8[n,6,8,3] y)
    <int64[4] image = {-1, 6, 8, 3}, float white = {255}> {
      h = MatMul(z, W)
      s = Sigmoid(h)
      b = Mul(s, white)
      r = Reshape(b, image)
      y = Cast<to = 2>(r)
    }"""
    classifier = """c (uint8[n,6,8,3] pixels) => (float[n,2] logits)
    <int64[2] axes = {1, 2}, int64[1] first = {0}, int64[1] two = {2}, int64[1] one = {1}> {
      f = Cast<to = 1>(pixels)
      m = ReduceMean<keepdims = 0>(f, axes)
      logits = Slice(m, first, two, one)
    }"""
    model = pack(
        write("g.onnx", generator, W=WEIGHT), classify=write("c.onnx", classifier), into=tmp_path,
        id="faces-gan", kind="generator", layout="nhwc", range="bytes", classes=("red", "green"),
    )  # fmt: skip
    z = RNG.standard_normal((5, 4)).astype(np.float32)
    levels = np.floor(255 / (1 + np.exp(-(z @ WEIGHT).astype(np.float64)))).reshape(5, 6, 8, 3)
    x = model.decode(z)
    assert x.shape == (5, 3, 6, 8)
    assert model.card.constants.classes == ["red", "green"]
    assert model.card.conditions == {}  # classes are told apart, and cannot be asked for
    assert np.abs(255 * x - levels.transpose(0, 3, 1, 2)).max() < 1.001  # a level, where they tie
    means = np.round(255 * x).mean(axis=(2, 3))[:, :2]
    np.testing.assert_allclose(model.classify(x), means, rtol=1e-5)
    wrong = {"model": tmp_path / "g.onnx", "into": tmp_path / "other", "id": "faces-gan"}
    assert "layout=nhwc" in refused(**wrong, kind="generator", range="bytes").todo


FLOW = """f (double[n,2] points) => (double[n,1] logp, double[n,2] latents)
<double[1] half = {-0.5}, double[1] c = {-1.8378770664093453}, int64[1] axis = {1}> {
  latents = Identity(points)
  square = Mul(points, points)
  sum = ReduceSum(square, axis)
  scaled = Mul(sum, half)
  logp = Add(scaled, c)
}"""
"""A standard normal distribution in double precision, as a flow without `layers`."""


def test_a_flow_in_doubles_on_standardised_points(tmp_path: Path, write: Write) -> None:
    flow = write("flow.onnx", FLOW)
    decode = write("back.onnx", "g (double[n,2] z) => (double[n,2] x) { x = Identity(z) }")
    mean, std = (1.0, -2.0), (0.5, 4.0)
    model = pack(
        flow, encode=flow, decode=decode, into=tmp_path, id="own-flow", kind="flow",
        mean=mean, std=std,
    )  # fmt: skip
    x = RNG.standard_normal((7, 2)).astype(np.float32) * std + mean
    z = (x - np.array(mean)) / np.array(std)
    exact = -0.5 * (z**2).sum(1) - np.log(2 * np.pi) - np.log(std).sum()
    np.testing.assert_allclose(model.log_prob(x), exact, atol=1e-4)
    np.testing.assert_allclose(model.encode(x), z, atol=1e-5)
    np.testing.assert_allclose(model.decode(model.encode(x)), x, atol=1e-5)
    grid = np.stack(np.meshgrid(np.linspace(-2, 4, 200), np.linspace(-24, 20, 400)), -1)
    mass = np.exp(model.log_prob(grid.reshape(-1, 2))).sum() * (6 / 199) * (44 / 399)
    assert mass == pytest.approx(1, abs=1e-3)
    assert model.card.extent is not None
    assert model.card.extent[0] < 0
    assert model.card.extent[1] > 2


def test_the_density_of_images_is_per_pixel_in_data_units(tmp_path: Path, write: Write) -> None:
    flow = """f (float[n,1,2,2] x) => (float[n] log_prob) <int64[3] axes = {1, 2, 3}> {
      log_prob = ReduceSum<keepdims = 0>(x, axes)
    }"""
    model = pack(write("f.onnx", flow), into=tmp_path, id="dots-flow", kind="flow", range="tanh")
    x = RNG.random((3, 1, 2, 2), np.float32)
    expected = (2 * x - 1).sum((1, 2, 3)) + 4 * np.log(2)
    np.testing.assert_allclose(model.log_prob(x), expected, atol=1e-5)
    masses = pack(
        tmp_path / "f.onnx", into=tmp_path, id="dots-flow", kind="flow", levels=256,
        bound="lower",
    )  # fmt: skip
    np.testing.assert_allclose(masses.log_prob(x), x.sum((1, 2, 3)), atol=1e-5)
    assert masses.card.measure.levels == 256


@pytest.mark.parametrize("law", ["uniform", "symmetric"])
def test_latents_of_a_uniform_law(tmp_path: Path, write: Write, law: str) -> None:
    file = write("g.onnx", "g (float[n,2] z) => (float[n,2] x) { x = Identity(z) }")
    model = pack(file, into=tmp_path, id="own-gan", kind="generator", latent=law)
    assert model.card.latent is not None
    assert model.card.latent.law == "uniform"
    x = model.sample(500)
    assert x.min() < (-0.9 if law == "symmetric" else 0.1)
    assert x.max() > 0.9


def test_a_classifier_of_probabilities_on_flat_images(tmp_path: Path, write: Write) -> None:
    text = "c (float[n,9] input) => (float[n,3] out) { h = MatMul(input, W)\n out = Softmax(h) }"
    weight = RNG.standard_normal((9, 3)).astype(np.float32)
    model = pack(
        write("c.onnx", text, W=weight), into=tmp_path, id="dots-classifier", kind="classifier",
        shape=(1, 3, 3), probabilities=True,
    )  # fmt: skip
    x = RNG.random((4, 1, 3, 3), np.float32)
    logits = x.reshape(4, 9) @ weight
    expected = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    np.testing.assert_allclose(model.classify(x), expected, atol=1e-5)
    assert model.card.constants.classes == ["0", "1", "2"]


def test_an_old_operator_set_is_converted(tmp_path: Path) -> None:
    text = """<ir_version: 7, opset_import: ["" : 12]>
    c (float[n,1,2,2] x) => (float[n] y) { y = ReduceSum<axes = [1, 2, 3], keepdims = 0>(x) }"""
    (tmp_path / "c.onnx").write_bytes(parser.parse_model(text).SerializeToString())
    model = pack(into=tmp_path, id="dots-critic", critic=tmp_path / "c.onnx")
    x = RNG.random((3, 1, 2, 2), np.float32)
    np.testing.assert_allclose(model.critic(x), x.sum((1, 2, 3)), atol=1e-5)


def test_weights_in_a_second_file_are_taken_in(tmp_path: Path) -> None:
    proto = onnx.load_from_string(compiled(DCGAN, W=WEIGHT))
    onnx.save(
        proto, tmp_path / "g.onnx", save_as_external_data=True, location="g.onnx.data",
        size_threshold=0,
    )  # fmt: skip
    model = pack(tmp_path / "g.onnx", into=tmp_path, id="faces-gan", kind="generator", range="tanh")
    assert model.sample(2).shape == (2, 3, 6, 8)
    (tmp_path / "g.onnx.data").unlink()
    error = refused(
        model=tmp_path / "g.onnx", into=tmp_path / "b", id="faces-gan", kind="generator"
    )
    assert ".data" in error.todo


def test_names_of_weights_stay_and_names_of_the_contract_inside_give_way(
    tmp_path: Path, write: Write
) -> None:
    model = pack(
        write("g.onnx", DCGAN, W=WEIGHT), into=tmp_path, id="faces-gan", kind="generator",
        range="tanh",
    )  # fmt: skip
    proto = onnx.load(tmp_path / "models" / "faces-gan" / model.card.graphs["decode"].file)
    weights = {item.name: numpy_helper.to_array(item) for item in proto.graph.initializer}
    np.testing.assert_array_equal(weights["W"], WEIGHT)
    assert [item.name for item in proto.graph.input] == ["z"]
    assert [item.name for item in proto.graph.output] == ["x"]


def test_half_precision_becomes_float32_at_the_ends(tmp_path: Path, write: Write) -> None:
    file = write("g.onnx", "g (float16[n,2] z) => (float16[n,2] x) { x = Identity(z) }")
    model = pack(file, into=tmp_path, id="own-gan", kind="generator")
    z = np.float32([[0.1, 1 / 3]])
    np.testing.assert_array_equal(model.decode(z), z.astype(np.float16).astype(np.float32))


def test_names_that_a_subgraph_uses_are_kept_in_step(tmp_path: Path, write: Write) -> None:
    """Both branches use the input of the graph around them, which gets another name."""
    text = """g (float[n,2] z) => (float[n,2] x) <bool yes = {1}, float two = {2}> {
      x = If (yes) <
        then_branch = a () => (float[n,2] y) { y = Mul(z, two) },
        else_branch = b () => (float[n,2] w) { w = Identity(z) }
      >
    }"""
    model = pack(write("g.onnx", text), into=tmp_path, id="own-gan", kind="generator")
    np.testing.assert_array_equal(model.decode(np.float32([[1, 2]])), [[2, 4]])


@pytest.mark.slow
def test_a_spline_flow_of_zuko_without_layers(tmp_path: Path) -> None:
    import torch
    import zuko

    class LogProb(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.flow = zuko.flows.NSF(2, transforms=1, hidden_features=[8])

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.flow().log_prob(x)

    torch.manual_seed(0)
    module, x = LogProb().eval(), torch.randn(33, 2)
    torch.onnx.export(
        module, (x,), tmp_path / "nsf.onnx", dynamo=True, opset_version=20, external_data=False,
        input_names=["x"], output_names=["density"], verbose=False,
        dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
    )  # fmt: skip
    values = {"x": x.numpy(), "density": module(x).detach().numpy()}
    model = pack(
        tmp_path / "nsf.onnx", into=tmp_path, id="own-flow", kind="flow", mean=3.0, std=2.0,
        check_values=values,
    )  # fmt: skip
    assert model.card.parity["log_prob"] < 1e-4
    expected = values["density"] - 2 * np.log(2)
    np.testing.assert_allclose(model.log_prob(3 + 2 * values["x"]), expected, atol=1e-4)


FROZEN = "g (float[1,4] z) => (float[1,2] x) { x = MatMul(z, W) }"
INSIDE = """g (float[n,4] z) => (float[n,2] x) <int64[2] two = {2, 2}> { h = MatMul(z, W)
  x = Reshape(h, two) }"""


@pytest.mark.parametrize("text", [FROZEN, INSIDE], ids=["at the ends", "inside"])
def test_a_frozen_batch_is_refused_with_the_way_out(
    tmp_path: Path, write: Write, text: str
) -> None:
    file = write("g.onnx", text, W=WEIGHT[:, :2])
    error = refused(model=file, into=tmp_path, id="own-gan", kind="generator")
    assert "dynamic_shapes" in error.todo
    assert "g.onnx" in error.field


def test_what_cannot_be_told_apart_is_asked_for(tmp_path: Path, write: Write) -> None:
    text = """d (float[n,2] a, float[n,2] b) => (float[n] c) <int64[1] axis = {1}> {
      s = Add(a, b)
      c = ReduceSum<keepdims = 0>(s, axis) }"""
    file = write("d.onnx", text)
    error = refused(into=tmp_path, id="own-critic", critic=file)
    assert "a float[n, 2], b float[n, 2]" in error.found
    assert "names=x=" in error.todo
    error = refused(into=tmp_path, id="own-critic", critic=file, names="x=a")
    assert error.found == "b float[n, 2]"
    assert "fixed=b=" in error.todo
    file = write("e.onnx", text.replace("float[n,2] b", "float b"))
    model = pack(into=tmp_path, id="own-critic", critic=file, names="critic.x=a", fixed="b=0.25")
    np.testing.assert_allclose(model.critic(np.float32([[1, 2]])), [3.5])


def test_each_refusal_says_what_to_pass(tmp_path: Path, write: Write) -> None:
    g = write("g.onnx", DCGAN, W=WEIGHT)
    own = {"into": tmp_path, "id": "faces-gan"}
    assert refused(**own).field == "files"
    assert refused(**own, model=g).field == "kind"
    assert "such as decode=g.onnx" in refused(**own).todo
    assert refused(**own, model=tmp_path / "no.onnx", kind="generator").found == "no file no.onnx"
    assert refused(**own, model=g, kind="generator", range="sigmoid").field == "range"
    (tmp_path / "torn.onnx").write_bytes(b"no graph")
    assert "do not parse" in refused(**own, model=tmp_path / "torn.onnx", kind="generator").found
    error = refused(**own, model=g, kind="generator", range="tanh", critic=g)
    assert "critic" in str(error)
    flow = write("f.onnx", FLOW)
    told = refused(into=tmp_path, id="own-flow", model=flow, kind="flow", std=(1.0, 2.0, 3.0))
    assert told.found == "3"


def test_values_of_the_original_are_compared_and_a_difference_is_told(
    tmp_path: Path, write: Write
) -> None:
    flow = write("flow.onnx", FLOW)
    points = RNG.standard_normal((33, 2))
    logp = -0.5 * (points**2).sum(1, keepdims=True) - np.log(2 * np.pi)
    own = {"into": tmp_path, "id": "own-flow", "kind": "flow", "mean": 1.0, "std": 2.0}
    model = pack(flow, **own, check_values={"points": points, "logp": logp})
    assert 0 <= model.card.parity["log_prob"] < 1e-6
    assert "the original" in model.card.recipe["check_values"]
    np.savez(tmp_path / "wrong.npz", points=points, logp=logp + 0.1)
    with pytest.raises(ContractError, match=r"parity of log_prob.*module\.eval\(\)"):
        pack(flow, **own, check_values=str(tmp_path / "wrong.npz"))
    with pytest.raises(ContractError, match="33 rows or more"):
        pack(flow, **own, check_values={"points": points[:9], "logp": logp[:9]})


def test_the_command_packs_checks_and_says_how_to_show_it(
    tmp_path: Path, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    g, into = write("g.onnx", DCGAN, W=WEIGHT), tmp_path / "models"
    words = ["pack", str(g), "--id", "faces-gan", "--kind", "generator", "--into", str(into)]
    assert main(words) == 1
    assert "--range tanh" in capsys.readouterr().err
    assert main([*words, "--range", "tanh"]) == 0
    said = capsys.readouterr().out
    assert str(into / "faces-gan") in said
    assert f"GENERATIVE_MODELS={into} streamlit run dashboard/app.py" in said
    assert main(["check", str(into)]) == 0
    assert load("faces-gan", folders=[into]).card.thumbnail is not None


def test_the_library_stays_light_until_something_is_packed() -> None:
    code = "import sys, genlab; assert not [m for m in sys.modules if 'packing' in m]; genlab.pack"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    assert not hasattr(genlab, "unpack")


DENSITY = """f (float[n,2] x) => (float[n] {name}) <int64[1] one = {{1}}> {{
  s = Mul(x, x)
  {name} = ReduceSum<keepdims=0>(s, one) }}"""
"""What is large where a density is small."""
SOFTMAX = """c (float[n,3,2,2] image) => (float[n,12] {name})
<int64[2] flat = {{-1, 12}}> {{ h = Reshape(image, flat)
  {name} = Softmax(h) }}"""


def test_an_output_by_another_name_is_not_taken_for_what_it_is_not(
    tmp_path: Path, write: Write
) -> None:
    flow = write("f.onnx", DENSITY.format(name="nll"))
    error = refused(model=flow, into=tmp_path, id="own-flow", kind="flow")
    assert "negative" in error.todo
    judge = write("c.onnx", SOFTMAX.format(name="probabilities"))
    error = refused(model=judge, into=tmp_path, id="own-net", kind="classifier", classes=12)
    assert "probabilities" in error.todo
    known = {"into": tmp_path, "kind": "classifier", "classes": 12}
    told = pack(judge, id="own-classifier", probabilities=True, **known)
    x = RNG.random((4, 3, 2, 2)).astype(np.float32)
    np.testing.assert_allclose(np.exp(told.classify(x)).sum(1), 1, atol=1e-5)


def test_a_mean_for_each_channel_of_a_classifier(tmp_path: Path, write: Write) -> None:
    judge = write("c.onnx", SOFTMAX.format(name="scores").replace("Softmax", "Identity"))
    mean, std = (0.4, 0.5, 0.6), (0.2, 0.3, 0.4)
    known = {"into": tmp_path, "kind": "classifier", "classes": 12}
    model = pack(judge, id="own-classifier", mean=mean, std=std, **known)
    x = RNG.random((4, 3, 2, 2)).astype(np.float32)
    by = [np.asarray(each)[:, None, None] for each in (mean, std)]
    np.testing.assert_allclose(model.classify(x), ((x - by[0]) / by[1]).reshape(4, 12), atol=1e-5)


@pytest.mark.parametrize(
    ("option", "value"),
    [("latent", "gaussian"), ("layout", "NHWC"), ("null_label", -1), ("steps", 0), ("extent", 1)],
)
def test_an_option_of_another_word_is_refused(
    tmp_path: Path, write: Write, option: str, value: object
) -> None:
    g = write("g.onnx", DCGAN, W=WEIGHT)
    known = {"id": "faces-gan", "kind": "generator", "range": "tanh", "into": tmp_path}
    error = refused(model=g, **known, **{option: value})
    assert error.field == option


def test_values_of_the_original_in_doubles_are_taken(tmp_path: Path, write: Write) -> None:
    g = write("g.onnx", DCGAN, W=WEIGHT)
    noise = RNG.standard_normal((33, 4, 1, 1))
    said = np.tanh(noise.reshape(33, 4) @ WEIGHT).reshape(33, 3, 6, 8)
    known = {"id": "faces-gan", "kind": "generator", "range": "tanh", "into": tmp_path}
    model = pack(g, **known, check_values={"noise": noise, "img": said})
    assert model.card.parity["decode"] < 1e-5
