"""From a finished run to `exported/<id>`: graphs, snapshots, card, check values, thumbnail.

A draft is made in a folder of its own, where every verb is run and compared with PyTorch and from
whose graphs the thumbnail is drawn; the finished model is judged once more and published in one
step. So a failed export leaves the old model as it was.
"""

import json
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from pydantic import TypeAdapter
from torch import Tensor

import genlab
from genlab.contract.card import SCHEMA, Card, Condition, Space
from genlab.contract.catalogue import Catalogue
from genlab.contract.files import Arrays, digest, write_npz
from genlab.contract.kinds import Setting
from genlab.contract.publish import locked, publish
from genlab.contract.weights import pack
from genlab.packing.thumbnail import FRAMES, thumbnail
from genlab.runtime.agreement import difference
from genlab.runtime.check import check
from training import runs
from training.data import Images, Points
from training.data.images import LEVELS, Labelled
from training.data.own import OwnImages, OwnPoints
from training.export import provenance
from training.export.onnx import answers, check_values, halve, signature, store_halved, to_onnx
from training.families.base import Graph
from training.nets.folding import fold
from training.recipes import RECIPES

REFERENCE_POINTS, REFERENCE_SEED = 10_000, 20_240_101
LOG_SNR_RANGE = (-10.0, 15.0)
"""Noise levels at which a denoiser is asked, unless its schedule says otherwise."""
TEST_IMAGES, TRAINING_IMAGES = 1_000, 4_000
ROUNDING_ERROR = 0.02
"""Largest |difference| / max(1, |value|) that rounded weights may cost a snapshot's outputs: less
than the pictures that snapshots are for can show."""
FRACTION_BITS = (4, 5, 6, 7, 8, 9, 10)
"""Bits of the fraction of a number in half precision that are tried, fewest first: what is zero
takes no room in a compressed file. The last has them all; where even that shows, fp32 is kept."""
LICENSE, UNKNOWN_LICENSE = "MIT", "not stated"
_SPACES, _CONDITIONS = TypeAdapter(dict[str, Space]), TypeAdapter(dict[str, Condition])
CONTINUOUS = {"kind": "continuous", "bound": "exact"}
DISCRETE = {"kind": "discrete", "levels": LEVELS, "bound": "lower"}


def export(model: str, folder: Path, exported: Path, data: Path | None = None) -> Card:
    """Export one model; returns its card as published.

    Arguments:
        model: Identifier of a finished run, or of a recipe with nothing to train.
        folder: The folder of the runs.
        exported: The folder of the exported models.
        data: Where a person's own data are by now, if not where they were.

    Raises:
        RunError: There is no such run, or it has not reached its last step.
        DataError: The person's own data it learned from are not there, or others by now.
        ContractError: The model breaks the contract; above all, a verb fails, or says something
            else than the torch module (infinities and NaN included). The old model stays.
    """
    run = _finished(model, folder, data)
    dataset, shape = run.recipe.data, cast(Any, run.recipe.family)
    family = cast(Any, fold(run.state.model.eval()))
    images = isinstance(dataset, Images)
    if images:  # networks of a million weights, which do not need seven digits
        halve(family)
    graphs: dict[str, Graph] = family.graphs()
    facts = shape.facts(dataset)
    setting = setting_of(dataset, facts)
    files = {f"{stem}.onnx": to_onnx(graph, setting) for stem, graph in graphs.items()}
    if images:
        files = {name: store_halved(data) for name, data in files.items()}
    values = check_values(graphs, setting)
    reference = reference_sample(dataset, exported)
    card = _card(run, facts, graphs, setting) | {"provenance": _provenance(run, digest(reference))}
    files["check.npz"] = write_npz(values)
    if run.snapshots and run.recipe.loop.steps:
        files["snapshots.npz"] = _snapshots(run, values, setting)
        card["snapshots"] = {"file": "snapshots.npz", "steps": sorted(run.snapshots)}
    target = exported / run.recipe.id
    with tempfile.TemporaryDirectory() as place:
        draft = publish(Path(place) / target.name, card, files)
        card["parity"] = check(Path(place) / target.name).parity
        opened = genlab.load(target.name, device="cpu", folders=[place])
        film = thumbnail(opened)
    if film is not None:
        files["thumbnail.webp"] = film
        card["thumbnail"] = {"file": "thumbnail.webp", "frames": FRAMES}
    target.parent.mkdir(parents=True, exist_ok=True)
    with locked(target):  # figures may be measured at this moment
        card["metrics"] = _measured(target, draft)
        return publish(target, card, files, judge=check)


def setting_of(dataset: Points | Images, facts: dict[str, Any]) -> Setting:
    """Where check inputs are drawn: the data set, and what the family says of its model."""
    draw = dataset.sample(36, torch.Generator().manual_seed(REFERENCE_SEED))
    constants, latent = facts.get("constants", {}), facts.get("latent") or {}
    schedule = constants.get("log_snr") or LOG_SNR_RANGE[::-1]
    return Setting(
        _SPACES.validate_json(json.dumps(facts.get("spaces", _spaces(dataset)))),
        law=latent.get("law", "normal"),
        levels=(schedule[-1], schedule[0]),
        conditions=_CONDITIONS.validate_json(json.dumps(facts.get("conditions", {}))),
        data=(draw.x if isinstance(draw, Labelled) else draw).numpy(),
        scale=dataset.scale,
        shift=np.array(dataset.shift, np.float32),
    )


def _spaces(dataset: Points | Images) -> dict[str, dict[str, Any]]:
    """The space of a data set, as a card tells it."""
    shape = list(dataset.event_shape)
    if isinstance(dataset, Images):
        return {"data": {"shape": shape, "kind": "image"}}
    return {"data": {"shape": shape, "kind": "points", "extent": list(dataset.extent)}}


def _measured(target: Path, draft: Card) -> list[dict[str, Any]]:
    """The figures on the card that is there, if they were measured on these very graphs."""
    old = Catalogue([target.parent]).entries.get(target.name)
    if old is None or old.card is None:
        return []
    before, now = ({verb: g.sha256 for verb, g in c.graphs.items()} for c in (old.card, draft))
    kept = old.card.metrics if before == now else []
    return [metric.model_dump(mode="json", exclude_none=True) for metric in kept]


def _provenance(run: runs.Run, data_sha256: str) -> dict[str, Any]:
    """Commit, versions and machine of the training; `created` is the time of the export."""
    return {
        **run.origin,
        "command": provenance.portable(run.command),
        "seed": run.recipe.loop.seed,
        "data_sha256": data_sha256,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(run.seconds, 1),
    }


def _finished(model: str, folder: Path, data: Path | None) -> runs.Run:
    recipe = RECIPES.get(model)
    if recipe is not None and recipe.loop.steps == 0:
        return runs.start(recipe, folder / model, f"python -m training export {model}")
    kept = runs.remembered(folder / model)
    if kept.id != model:
        raise runs.RunError(f"{folder / model} holds a training of {kept.id}: export that name")
    source = kept.source
    if data is not None and source is not None:
        source = replace(source, path=str(data.resolve()))
    run = runs.load(folder / model, source=source)
    if run.state.step < run.recipe.loop.steps:
        done = f"{run.state.step:,} of {run.recipe.loop.steps:,}"
        raise runs.RunError(f"{model} is at step {done}; finish it with --resume")
    return run


def _card(
    run: runs.Run, facts: dict[str, Any], graphs: dict[str, Graph], setting: Setting
) -> dict[str, Any]:
    """All of the card but checksums and what is measured on the files."""
    recipe, dataset = run.recipe, run.recipe.data
    trained, images = recipe.loop.steps > 0, isinstance(dataset, Images)
    return {
        "schema": SCHEMA,
        "id": recipe.id,
        "name": recipe.title.removeprefix(f"{dataset.title}: "),
        "dataset_title": dataset.title,
        "family": recipe.family.family,
        "dataset": dataset.name,
        "kind": "trained" if trained else "exact",
        "spaces": _spaces(dataset),
        "measure": DISCRETE if images else CONTINUOUS,
        "graphs": {
            verb: {"file": f"{stem}.onnx"}
            | dict(zip(("inputs", "outputs"), signature(graph, verb, setting), strict=True))
            for stem, graph in graphs.items()
            for verb in graph.verbs
        },
        "check": {"file": "check.npz"},
        "recipe": recipe.without_place().as_dict(),
        "history": run.state.curve if trained else {},
        "license": LICENSE if recipe.source is None else UNKNOWN_LICENSE,
        "references": [*recipe.family.references, dataset.reference],
        **facts,
    }


def reference_sample(dataset: Points | Images, exported: Path) -> bytes:
    """The data set's reference sample, written to `exported/data/` where it is not there yet.

    These bytes of an npz file, the same on every machine, hold `x`, float32 [10000, d]; of images,
    the first 1,000 test images as `x`, uint8 [1000, *event], with `label`, and 4,000 training
    images as `train`, with `train_label`; of a person's own points, test points as `x` and training
    points as `train`, up to 10,000 of each.

    Raises:
        RunError: A model of other data of the same name is there, which would lose its sample.
    """
    if isinstance(dataset, Images):
        arrays = _bytes("x", dataset.split("test"), TEST_IMAGES)
        arrays |= _bytes("train", dataset.split("train"), TRAINING_IMAGES)
        if not dataset.classes:
            arrays = {name: array for name, array in arrays.items() if "label" not in name}
    elif isinstance(dataset, OwnPoints):
        parts = {"x": dataset.split("test"), "train": dataset.split("train")}
        arrays = {name: part[:REFERENCE_POINTS].numpy() for name, part in parts.items()}
    else:
        draw = torch.Generator().manual_seed(REFERENCE_SEED)
        arrays = {"x": dataset.sample(REFERENCE_POINTS, draw).numpy()}
    data = write_npz(arrays)
    path = exported / "data" / f"{dataset.name}.npz"
    if not path.exists() or path.read_bytes() != data:
        if isinstance(dataset, OwnPoints | OwnImages):
            _judge_name(dataset, exported, digest(data))
        path.parent.mkdir(parents=True, exist_ok=True)
        runs.replace_file(path, data)
    return data


def _judge_name(dataset: OwnPoints | OwnImages, exported: Path, sha256: str) -> None:
    for card in Catalogue([exported]).cards.values():
        if card.dataset == dataset.name and card.provenance.data_sha256 not in (None, sha256):
            raise runs.RunError(
                f"{exported / card.id} is a model of other data that are called {dataset.name} "
                "too; train under another --name, or export into a folder of its own, --exported"
            )


def _bytes(name: str, images: Labelled, n: int) -> dict[str, np.ndarray]:
    """The first n images as grey levels, and their labels."""
    levels = (images.x[:n] * (LEVELS - 1)).round().to(torch.uint8)
    label = "label" if name == "x" else f"{name}_label"
    return {name: levels.numpy(), label: images.label[:n].to(torch.uint8).numpy()}


def _snapshots(run: runs.Run, values: Arrays, setting: Setting) -> bytes:
    """All snapshots, each rounded as far as that does not show; the last no further than fp16.

    So the end of a film looks as the model itself does.
    """
    kept: dict[int, dict[str, np.ndarray]] = {}
    for step, weights in sorted(run.snapshots.items()):
        fine, chosen = _answers(run, weights, values, setting), weights
        for bits in FRACTION_BITS[-1:] if step == max(run.snapshots) else FRACTION_BITS:
            rounded = {name: rounded_half(weight, bits) for name, weight in weights.items()}
            coarse = _answers(run, rounded, values, setting)
            if max(difference(coarse[key], fine[key]) for key in fine) <= ROUNDING_ERROR:
                chosen = rounded
                break
        kept[step] = {name: weight.numpy() for name, weight in chosen.items()}
    return pack(kept)


def rounded_half(weight: Tensor, bits: int) -> Tensor:
    """Numbers in half precision, to the nearest with at most so many bits of fraction (of ten).

    A half a step is added to the magnitude, whose bits are a number themselves; then they are cut.
    """
    half = weight.half()
    if bits >= FRACTION_BITS[-1]:
        return half
    cut = FRACTION_BITS[-1] - bits
    raised = half.view(torch.int16) + (1 << (cut - 1))
    return (raised & -(1 << cut)).view(torch.float16)


def _answers(run: runs.Run, weights: dict[str, Tensor], values: Arrays, setting: Setting) -> Arrays:
    """What the family says to the check inputs with other weights."""
    family = fold(run.recipe.build())
    family.load_state_dict(weights, strict=False)  # buffers are constants and stay
    return answers(family.graphs(), values, setting)
