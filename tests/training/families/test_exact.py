"""The family `exact`: its graphs in onnxruntime say what `training.data` says."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor

from genlab.contract.verbs import VERBS
from training.data import DATASETS
from training.families.base import Family, Graph
from training.families.exact import Exact, ExactConfig

Run = Callable[[dict[str, Tensor]], dict[str, np.ndarray]]

CASES = [(name, stem) for name in DATASETS for stem in ("decode", "log_prob", "diffused")]


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], tuple[Graph, Run]]:
    """The graph of a data set and file stem, and its exported file as a function."""
    folder: Path = tmp_path_factory.mktemp("exact")
    made: dict[tuple[str, str], tuple[Graph, Run]] = {}

    def get(name: str, stem: str) -> tuple[Graph, Run]:
        if (name, stem) not in made:
            made[name, stem] = _export(ExactConfig().build(DATASETS[name]).graphs()[stem], folder)
        return made[name, stem]

    return get


def _export(graph: Graph, folder: Path) -> tuple[Graph, Run]:
    file = folder / "graph.onnx"
    torch.onnx.export(
        graph.module.eval(),
        tuple(graph.inputs.values()),
        file,
        input_names=list(graph.inputs),
        output_names=list(graph.outputs),
        opset_version=20,
        dynamo=True,
        optimize=False,
        external_data=False,
        dynamic_shapes=tuple({0: torch.export.Dim.DYNAMIC} for _ in graph.inputs),
        verbose=False,
    )
    session = onnxruntime.InferenceSession(file.read_bytes(), providers=["CPUExecutionProvider"])

    def run(inputs: dict[str, Tensor]) -> dict[str, np.ndarray]:
        feeds = {name: tensor.numpy() for name, tensor in inputs.items()}
        return dict(zip(graph.outputs, session.run(None, feeds), strict=True))

    return graph, run


def points(graph: Graph, n: int, seed: int = 0) -> dict[str, Tensor]:
    """Inputs over the whole domain: λ in [−20, 20], x in [−4, 4]², z normal."""
    generator = torch.Generator().manual_seed(seed)

    def draw(name: str, example: Tensor) -> Tensor:
        if name == "z":
            return torch.randn(n, *example.shape[1:], generator=generator)
        reach = 20.0 if name == "log_snr" else 4.0
        return reach * (2 * torch.rand(n, *example.shape[1:], generator=generator) - 1)

    return {name: draw(name, example) for name, example in graph.inputs.items()}


def torch_says(graph: Graph, inputs: dict[str, Tensor]) -> dict[str, np.ndarray]:
    with torch.no_grad():
        outputs = graph.module(*inputs.values())
    outputs = (outputs,) if isinstance(outputs, Tensor) else outputs
    return {name: out.numpy() for name, out in zip(graph.outputs, outputs, strict=True)}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "stem"), CASES)
def test_exported_graphs_agree_with_torch(
    export: Callable[[str, str], tuple[Graph, Run]], name: str, stem: str
) -> None:
    graph, run = export(name, stem)
    for n in (1, 2, 33, 2000):
        inputs = points(graph, n, seed=n)
        exported, expected = run(inputs), torch_says(graph, inputs)
        for output, value in expected.items():
            got = exported[output]
            assert got.shape == value.shape
            finite = np.isfinite(value)
            assert np.array_equal(got[~finite], value[~finite])  # −∞ survives, NaN never appears
            off = abs(got[finite] - value[finite]) / np.maximum(1, abs(value[finite]))
            assert off.max(initial=0) <= 1e-4


@pytest.mark.slow
def test_exported_checkerboard_is_empty_where_it_is_empty(
    export: Callable[[str, str], tuple[Graph, Run]],
) -> None:
    _, run = export("checkerboard", "log_prob")
    log_prob = run({"x": torch.tensor([[-3.0, -3.0], [-3.0, -1.0], [100.0, 0.0]])})["log_prob"]
    assert log_prob[0] == pytest.approx(-np.log(32))
    assert np.isneginf(log_prob[1:]).all()


@pytest.mark.parametrize("name", DATASETS)
def test_single_precision_family_is_the_distribution(name: str) -> None:
    law, family = DATASETS[name].distribution, ExactConfig().build(DATASETS[name])
    x = DATASETS[name].sample(2_000, torch.Generator().manual_seed(0))
    torch.testing.assert_close(family.log_prob(x).double(), law.log_prob(x), atol=1e-5, rtol=1e-5)
    assert law.shift.dtype == torch.float64  # the family took a copy


@pytest.mark.parametrize("name", DATASETS)
def test_graphs_keep_the_contract(name: str) -> None:
    family = ExactConfig().build(DATASETS[name])
    graphs = family.graphs()
    verbs = [verb for graph in graphs.values() for verb in graph.verbs]
    assert sorted(verbs) == ["decode", "denoise", "log_prob", "log_prob_t"]
    for graph in graphs.values():
        assert graph.module.state_dict().keys() == family.state_dict().keys()
        for verb in graph.verbs:
            assert {t.name for t in VERBS[verb].inputs if not t.optional} <= graph.inputs.keys()
            assert {t.name for t in VERBS[verb].outputs if not t.optional} <= set(graph.outputs)
        assert all(len(example) >= 2 for example in graph.inputs.values())


def test_nobody_learns() -> None:
    family: Family = Exact(DATASETS["moons"].distribution)
    assert family.players() == {}
    with pytest.raises(KeyError):
        family.loss(torch.zeros(2, 2), "flow")


@pytest.mark.parametrize("name", DATASETS)
def test_facts_tell_how_to_use_it(name: str) -> None:
    dataset = DATASETS[name]
    facts = ExactConfig().facts(dataset)
    assert facts["latent"]["dim"] == dataset.distribution.latent
    constants = facts["constants"]
    x = constants["diffusion_scale"] * np.zeros(dataset.dim) + np.array(
        constants["diffusion_shift"]
    )
    assert x == pytest.approx(dataset.distribution.shift.numpy())
    assert constants["log_snr"] == constants["schedules"]["cosine"]
