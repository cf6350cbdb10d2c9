"""The whole judgement of one exported model: files, structure, a run of every verb, and parity.

`check.npz` holds fixed inputs and the outputs that the implementation in PyTorch gave for them, at
three batch sizes, so parity is tested where there is no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genlab.contract.card import Card
from genlab.contract.errors import EXPORT_AGAIN, ContractError
from genlab.contract.files import Arrays, read_bytes, read_npz
from genlab.contract.publish import verify_folder
from genlab.runtime.agreement import TOLERANCE, compared, difference
from genlab.runtime.devices import choose_device
from genlab.runtime.errors import InputError, RunError
from genlab.runtime.opened import Opened
from genlab.runtime.smoke import leaving

SIZES = (1, 2, 33)
"""Batch sizes of the stored runs."""
PARITY = (
    "store outputs of the model in evaluation mode (model.eval()) for these very inputs: dropout, "
    "batch statistics and noise that is drawn inside make such gaps"
)
IN_RANGE = (
    "rescale inside the graph, (x + 1) / 2 for images in [−1, 1], clip what overshoots, "
    "and export the model again"
)


@dataclass(frozen=True)
class Report:
    """What a healthy model showed: its card, bytes of its files, and parity by verb."""

    card: Card
    bytes: int
    parity: dict[str, float]


def check(folder: Path, device: str = "cpu") -> Report:
    """Verify everything about a model.

    Raises:
        ContractError: Something breaks the contract; it says what.
    """
    card = verify_folder(folder)
    model = Opened(card, folder, choose_device(device)).open()
    try:
        stored = read_npz(read_bytes(folder, card.check.file))
    except ValueError as error:
        field = card.check.file
        raise ContractError(card.id, field, "an npz file", f"{error}", EXPORT_AGAIN) from None
    parity = {verb: max(_parity(model, verb, n, stored) for n in SIZES) for verb in card.graphs}
    size = sum((folder / name).stat().st_size for name in card.files)
    return Report(card, size, parity)


def _parity(model: Opened, verb: str, n: int, stored: Arrays) -> float:
    card, graph = model.card, model.card.graphs[verb]
    feeds, expected = (
        {name: f"{verb}/{n}/{side}/{name}" for name in names}
        for side, names in (("in", graph.inputs), ("out", graph.outputs))
    )
    for key in (*feeds.values(), *expected.values()):
        if key not in stored:
            field = f"{card.check.file}, {key}"
            raise ContractError(card.id, field, "an array of this name", "none")
    inputs: dict[str, Any] = {name: stored[key] for name, key in feeds.items()}
    try:
        outputs = model.run(verb, **inputs)
    except (InputError, RunError) as error:
        field, takes = f"{card.check.file}, {verb}/{n}", "stored inputs that the verb takes"
        raise ContractError(card.id, field, takes, f"{error}") from error
    worst = max(
        difference(*(compared(card, name, side) for side in (outputs[name], stored[key])))
        for name, key in expected.items()
    )
    if not worst <= TOLERANCE:
        field, most = f"parity of {verb} at n = {n}", f"at most {TOLERANCE:g}"
        raise ContractError(card.id, field, most, f"{worst:.2g}", PARITY)
    for name, found in leaving(card, verb, outputs).items():
        raise ContractError(card.id, f"{verb}.{name}", "images in [0, 1]", f"{found}", IN_RANGE)
    return worst
