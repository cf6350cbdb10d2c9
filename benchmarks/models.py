"""The exported models that are measured, and the torch modules that they came from."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import SkipError
from genlab import ExportedModel, load
from genlab.contract.catalogue import Catalogue
from genlab.runtime.jobs import WORKERS, chunk_rows


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


def compiled(call: Callable[..., Any], *example: Any) -> Callable[..., Any]:
    """`call` by `torch.compile` for any batch; compiled now, which may take a minute.

    Raises:
        SkipError: It cannot be compiled here; the message says why.
    """
    import torch  # noqa: PLC0415 - as above

    made = torch.compile(call, dynamic=True)
    try:
        made(*example)
    except Exception as error:  # a missing compiler, an operator unknown to it, …
        raise SkipError(f"not here: {type(error).__name__}") from error
    return made


def threads(model: ExportedModel, rows: int) -> int:
    """Threads that genlab computes so many rows with: one for each chunk, up to its workers."""
    return min(-(-rows // chunk_rows(model.card, "cpu")), WORKERS)
