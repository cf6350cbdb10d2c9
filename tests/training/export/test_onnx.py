"""Modules of a few numbers become files: lengths that a call chooses, states, two spaces."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import make_fx

from genlab import ExportedModel, load
from genlab.contract.card import Condition, Space
from genlab.contract.files import write_npz
from genlab.contract.kinds import Setting
from genlab.contract.publish import publish
from genlab.runtime.check import check
from tests.toys import card
from training.data import SETS
from training.export.onnx import check_values, signature, to_onnx
from training.families.base import Graph
from training.families.diffusion import DdpmConfig

ROW = {"data": Space(shape=(5,), kind="points")}
PLANE = {"data": Space(shape=(2,), kind="points")}
Export = Callable[..., ExportedModel]


@pytest.fixture
def export(tmp_path: Path) -> Export:
    """Files and check values by the exporter, published and judged."""

    def make(graphs: dict[str, Graph], setting: Setting, **fields: Any) -> ExportedModel:
        files = {f"{stem}.onnx": to_onnx(graph, setting) for stem, graph in graphs.items()}
        files["check.npz"] = write_npz(check_values(graphs, setting))
        rows = {
            verb: {"file": f"{stem}.onnx"}
            | dict(zip(("inputs", "outputs"), signature(graph, verb, setting), strict=True))
            for stem, graph in graphs.items()
            for verb in graph.verbs
        }
        sides = {"spaces": setting.spaces, "conditions": setting.conditions}
        told = {
            side: {
                name: item.model_dump(mode="json", exclude_none=True) for name, item in of.items()
            }
            for side, of in sides.items()
        }
        whole = card("toy-exported", (2,), graphs=rows, **told, **fields)
        whole |= {"schema": 2, "name": "toy", "dataset_title": "Toy"}
        for old in ("title", "event_shape"):
            del whole[old]
        publish(tmp_path / "toy-exported", whole, files, judge=check)
        return load("toy-exported", folders=[tmp_path], device="cpu")

    return make


class Sums(nn.Module):
    """The distribution of the next value: the sum of all before, which a cache carries."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor([1.5]))

    def forward(self, known: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        start = torch.zeros(len(known), 1)
        last = torch.cat([start, known], 1)[:, -1:]
        total = torch.cat([start[..., None], cache], 1)[:, -1] + self.gain * last  # [n, 1]
        return torch.cat([total, -total], 1), torch.cat([cache, total[..., None]], 1)


def test_a_cache_of_free_length(export: Export) -> None:
    inputs = {"known": torch.randn(2, 3), "cache": torch.randn(2, 3, 1)}
    graph = Graph(Sums(), inputs, ("distribution", "longer_cache"), ("next",))
    constants = {"next_value": "normal_mixture"}
    model = export({"next": graph}, Setting(ROW), constants=constants)
    assert model.card.graphs["next"].sizes == {"c": 1}
    x = np.random.default_rng(0).standard_normal((7, 5)).astype(np.float32)
    cache = np.zeros((7, 0, 1), np.float32)
    for t in range(5):
        out = model.run("next", known=x[:, :t], cache=cache)
        cache = out["longer_cache"]
        np.testing.assert_allclose(out["distribution"][:, 0], 1.5 * x[:, :t].sum(1), atol=1e-5)
    short = {"known": torch.randn(2, 1), "cache": torch.randn(2, 1, 1)}
    with pytest.raises(ValueError, match="length of one place"):
        to_onnx(Graph(Sums(), short, graph.outputs, graph.verbs), Setting(ROW))


def step(
    parameters: Tensor, state: Tensor, x: Tensor, learning_rate: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Momentum down the slope of E|μ - x|²."""
    slope, loss = torch.func.grad_and_value(lambda mean: ((mean - x) ** 2).sum(1).mean())(
        parameters
    )
    moved = 0.9 * state + slope
    return parameters - learning_rate * moved, moved, loss[None]


def test_a_step_of_training_has_inputs_without_a_batch(export: Export) -> None:
    inputs = {
        "parameters": torch.randn(2),
        "state": torch.zeros(2),
        "x": torch.randn(4, 2),
        "learning_rate": torch.tensor(0.1),
    }
    traced = make_fx(step, tracing_mode="symbolic", _allow_non_fake_inputs=True)(*inputs.values())
    outputs = ("new_parameters", "new_state", "losses")
    model = export({"step": Graph(traced, inputs, outputs, ("train_step",))}, Setting(PLANE))
    assert model.card.graphs["train_step"].sizes == {"p": 2, "s": 2}
    x = np.random.default_rng(0).normal(3, 1, (500, 2))
    out = model.run(
        "train_step", x=x, parameters=np.zeros(2), state=np.zeros(2), learning_rate=np.array(0.5)
    )
    np.testing.assert_allclose(out["new_parameters"], x.mean(0), atol=1e-5)


class Turned(nn.Module):
    """There: a point as an image of four pixels; back: its first two."""

    def __init__(self, there: bool) -> None:
        super().__init__()
        self.there = there

    def forward(self, x: Tensor) -> Tensor:
        if self.there:
            return torch.cat([x, 1 - x], 1).reshape(-1, 1, 2, 2)
        return x.flatten(1)[:, :2]


def test_translations_between_two_spaces(export: Export) -> None:
    spaces = {
        "day": Space(shape=(2,), kind="points", extent=(0.0, 1.0, 0.0, 1.0)),
        "night": Space(shape=(1, 2, 2), kind="image"),
    }
    graphs = {
        "there": Graph(Turned(True), {"x": torch.rand(2, 2)}, ("y",), ("translate:day>night",)),
        "back": Graph(
            Turned(False), {"x": torch.rand(2, 1, 2, 2)}, ("y",), ("translate:night>day",)
        ),
    }
    model = export(graphs, Setting(spaces))
    x = np.random.default_rng(0).random((30, 2), np.float32)
    night = model.run("translate:day>night", x=x)["y"]
    assert night.shape == (30, 1, 2, 2)
    np.testing.assert_array_equal(model.run("translate:night>day", x=night)["y"], x)


class Moved(nn.Module):
    """A latent point moved by what is asked for."""

    def forward(self, z: Tensor, way: Tensor) -> Tensor:
        return z + way


def test_an_input_is_one_of_the_verb_or_a_condition_that_is_told(export: Export) -> None:
    inputs = {"z": torch.randn(2, 2), "way": torch.randn(2, 2)}
    graph = Graph(Moved(), inputs, ("x",), ("decode",))
    with pytest.raises(ValueError, match=r"\['way'\]: neither inputs of \('decode',\) nor cond"):
        to_onnx(graph, Setting(PLANE))
    way = Condition(dtype="float32", shape=(2,), null=0)
    latent = {"dim": 2, "law": "normal"}
    model = export({"decode": graph}, Setting(PLANE, conditions={"way": way}), latent=latent)
    ones = np.ones((3, 2), np.float32)
    np.testing.assert_array_equal(model.run("decode", z=ones, way=ones)["x"], 2 * ones)


def test_twin_examples_are_refused() -> None:
    graph = next(iter(DdpmConfig(width=8, blocks=1).build(SETS["moons"]).graphs().values()))
    x = torch.randn(2, 2)
    with pytest.raises(ValueError, match="of its own"):
        to_onnx(replace(graph, inputs={"x": x, "log_snr": x}), Setting(PLANE))
    with pytest.raises(ValueError, match="frozen"):
        to_onnx(
            replace(graph, inputs={"x": torch.randn(1, 2), "log_snr": torch.randn(1)}),
            Setting(PLANE),
        )
