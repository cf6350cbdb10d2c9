"""An engineer's own model: from a plain ONNX file to a folder that the contract accepts.

    genlab.pack("generator.onnx", id="faces-gan", kind="generator", range="tanh", into="models")

`docs/own-model.md` has an example of each kind; `genlab new` writes a script to begin with.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from genlab.contract.card import Card
from genlab.packing.options import options_of
from genlab.packing.packing import packed_model


def pack(model: Path | str | None = None, **options: Any) -> Card:
    """Make a model's folder from ONNX files; the card as published.

    Names, dtypes, shapes and the batch are read from the files and brought to those of the contract
    inside of the graph; what no file tells is asked for by the error.

    Args:
        model: The ONNX file that `kind` is about; further files come by verb (`critic="d.onnx"`).
        options: Those of `genlab pack`, see `genlab.packing.options.Options`: `id`, `into`, `kind`,
            `range`, ... . Where it takes a file of numbers, numbers will do, too.

    Raises:
        ContractError: Something cannot be found out, or breaks the contract; it says what to pass.
            Nothing is written.
    """
    given = options_of(model=model, **options)
    if given.diffusers is not None:
        from genlab.packing.diffusers import pack_pipeline  # noqa: PLC0415 - wants torch

        return pack_pipeline(given)
    return packed_model(given)


__all__ = ["pack"]
