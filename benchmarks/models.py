"""The exported models that are measured, and the torch modules that they came from."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import SkipError
from genlab import ExportedModel, load
from genlab.contract.catalogue import Catalogue
from genlab.contract.limits import CHUNK_ROWS, CHUNK_WORKERS


def exported(model: str) -> ExportedModel:
    """An exported model on the CPU; without one a `SkipError` that says how to make it."""
    if model not in Catalogue().cards:
        steps = [f"python -m training {step} {model}" for step in ("train", "export")]
        raise SkipError(f"there is no exported model {model}; make it: {' && '.join(steps)}")
    return load(model, device="cpu")


def torch_module(model: ExportedModel) -> Any:
    """The module in PyTorch: shape from the card's recipe, weights from the ONNX initializers."""
    from training import runs  # noqa: PLC0415 - torch, which most subjects do without
    from training.recipes import Recipe  # noqa: PLC0415

    recipe = Recipe.of(dict(model.card.recipe))
    run = runs.start(recipe, Path(), "python -m benchmarks", init=model.card.id)
    return run.state.model.eval()


def reference(model: ExportedModel, n: int) -> np.ndarray:
    """The first n points of the reference sample of the model's data set: [n, 2] float32."""
    path = model.folder.parent / "data" / f"{model.card.dataset}.npz"
    if not path.is_file():
        raise SkipError(f"there is no reference sample {path.name}; export {model.card.id} again")
    with np.load(path, allow_pickle=False) as file:
        return np.asarray(file["x"][:n], dtype=np.float32)


def threads(rows: int) -> int:
    """Threads that genlab computes so many rows with: one for each chunk, up to its workers."""
    return min(-(-rows // CHUNK_ROWS), CHUNK_WORKERS, os.cpu_count() or 1)
