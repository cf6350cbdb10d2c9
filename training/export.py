"""From a finished run to `exported/<id>`: graphs, snapshots, card, check values, thumbnail.

Everything is made in memory and published at once, so a failed export leaves the old model as it
was. The thumbnail is drawn from the exported graphs themselves, run through `genlab`.
"""

import tempfile
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

import genlab
from genlab.contract.card import Card
from genlab.contract.catalogue import Catalogue
from genlab.contract.files import digest, read_bytes, write_npz
from genlab.contract.publish import publish
from genlab.contract.verbs import VERBS
from genlab.contract.weights import pack
from training import provenance, runs
from training.data import DATASETS, Dataset
from training.families.base import Family, Graph
from training.onnx_files import answers, check_values, difference, parity, to_onnx
from training.recipes import RECIPES, Recipe
from training.thumbnail import FRAMES, thumbnail

REFERENCE_POINTS, REFERENCE_SEED = 10_000, 20_240_101
HALF_PRECISION_ERROR = 0.02
"""Largest |difference| / max(1, |value|) that fp16 weights may cost a snapshot's outputs: less than
the pictures that snapshots are for can show. Where it would be more, fp32 is kept."""
LICENSE = "MIT"


class ExportError(Exception):
    """The exported graphs do not compute what the torch modules do."""


def export(model: str, folder: Path, exported: Path) -> Card:
    """Export one model.

    Arguments:
        model: Identifier of a finished run, or of a recipe with nothing to train.
        folder: The folder of the runs.
        exported: The folder of the exported models.

    Returns:
        The card as published.

    Raises:
        RunError: There is no such run, or it has not reached its last step.
        ExportError: Parity is worse than 1e-4.
        ContractError: The model breaks the contract.
    """
    run = _finished(model, folder)
    dataset, shape = DATASETS[run.recipe.dataset], run.recipe.family
    family = cast(Any, run.state.model.eval())
    graphs: dict[str, Graph] = family.graphs()
    facts = shape.facts(dataset)
    files = {f"{stem}.onnx": to_onnx(graph) for stem, graph in graphs.items()}
    verbs = {verb: f"{stem}.onnx" for stem, graph in graphs.items() for verb in graph.verbs}
    check = check_values(
        graphs,
        dataset.sample(36, torch.Generator().manual_seed(REFERENCE_SEED)),
        (dataset.scale, torch.tensor(dataset.shift)),
        uniform=facts["latent"]["law"] == "uniform",
    )
    gaps = parity(files, verbs, check)
    if max(gaps.values()) > 1e-4:
        raise ExportError(f"{model}: onnxruntime and torch differ by more than 1e-4: {gaps}")
    reference = reference_sample(dataset, exported)
    card = _card(run, facts, graphs) | {
        "parity": gaps,
        "provenance": provenance.collect(run, digest(reference)),
    }
    files["check.npz"] = write_npz(check)
    if run.snapshots and run.recipe.loop.steps:
        files["snapshots.npz"] = _snapshots(run, check)
        card["snapshots"] = {"file": "snapshots.npz", "steps": sorted(run.snapshots)}
    files["thumbnail.webp"] = _thumbnail(run.recipe, card, files)
    card["thumbnail"] = {"file": "thumbnail.webp", "frames": FRAMES}
    return _publish(exported / run.recipe.id, card, files)


def _publish(target: Path, card: dict[str, Any], files: dict[str, bytes]) -> Card:
    """Publish; figures that were measured on these very graphs stay on the card."""
    old = Catalogue([target.parent]).entries.get(target.name)
    new = publish(target, card, files)
    if old is None or old.card is None or not old.card.metrics:
        return new
    before, now = ({verb: g.sha256 for verb, g in c.graphs.items()} for c in (old.card, new))
    if before != now:
        return new
    kept = new.model_copy(update={"metrics": old.card.metrics})
    return publish(target, kept, {name: read_bytes(target, name) for name in new.files})


def _finished(model: str, folder: Path) -> runs.Run:
    recipe = RECIPES.get(model)
    if recipe is not None and recipe.loop.steps == 0:
        return runs.start(recipe, folder / model, f"python -m training export {model}")
    run = runs.load(folder / model)
    if run.state.step < run.recipe.loop.steps:
        done = f"{run.state.step:,} of {run.recipe.loop.steps:,}"
        raise runs.RunError(f"{model} is at step {done}; finish it with --resume")
    return run


def _card(run: runs.Run, facts: dict[str, Any], graphs: dict[str, Graph]) -> dict[str, Any]:
    """All of the card but checksums and what is measured on the files."""
    recipe, dataset = run.recipe, DATASETS[run.recipe.dataset]
    trained = recipe.loop.steps > 0
    return {
        "schema": 1,
        "id": recipe.id,
        "title": recipe.title,
        "dataset": dataset.name,
        "kind": "trained" if trained else "exact",
        "event_shape": [dataset.dim],
        "extent": list(dataset.extent),
        "measure": {"kind": "continuous", "bound": "exact"},
        "graphs": {
            verb: {
                "file": f"{stem}.onnx",
                "inputs": [t.name for t in VERBS[verb].inputs if t.name in graph.inputs],
                "outputs": [t.name for t in VERBS[verb].outputs if t.name in graph.outputs],
            }
            for stem, graph in graphs.items()
            for verb in graph.verbs
        },
        "check": {"file": "check.npz"},
        "recipe": recipe.as_dict(),
        "history": run.state.curve if trained else {},
        "license": LICENSE,
        "references": [*recipe.family.references, dataset.reference],
        **facts,
    }


def reference_sample(dataset: Dataset, exported: Path) -> bytes:
    """The data set's reference sample, written to `exported/data/` where it is not there yet.

    Returns:
        The bytes of an npz file with `x`, float32 [10000, d], the same on every machine.
    """
    draw = torch.Generator().manual_seed(REFERENCE_SEED)
    data = write_npz({"x": dataset.sample(REFERENCE_POINTS, draw).numpy()})
    path = exported / "data" / f"{dataset.name}.npz"
    if not path.exists() or path.read_bytes() != data:
        path.parent.mkdir(parents=True, exist_ok=True)
        runs.replace_file(path, data)
    return data


def _snapshots(run: runs.Run, check: dict[str, np.ndarray]) -> bytes:
    """All snapshots, each in half precision where that does not show."""
    kept: dict[int, dict[str, np.ndarray]] = {}
    for step, weights in sorted(run.snapshots.items()):
        half = {name: weight.half() for name, weight in weights.items()}
        fine, coarse = _answers(run, weights, check), _answers(run, half, check)
        cost = max(difference(coarse[key], fine[key]) for key in fine)
        chosen = half if cost <= HALF_PRECISION_ERROR else weights
        kept[step] = {name: weight.numpy() for name, weight in chosen.items()}
    return pack(kept)


def _answers(
    run: runs.Run, weights: dict[str, Tensor], check: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """What the family says to the check inputs with other weights."""
    family = run.recipe.build()
    family.load_state_dict(weights, strict=False)  # buffers are constants and stay
    return answers(cast(Family, family).graphs(), check)


def _thumbnail(recipe: Recipe, card: dict[str, Any], files: dict[str, bytes]) -> bytes:
    """Drawn from the very files that are about to be published."""
    with tempfile.TemporaryDirectory() as folder:
        publish(Path(folder) / recipe.id, card, files)
        return thumbnail(genlab.load(recipe.id, device="cpu", folders=[folder]))
