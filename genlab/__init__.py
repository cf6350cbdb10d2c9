"""Generative Models Lab, the library: exported generative models, opened, sampled and evaluated.

    from genlab import load

    load("moons-flow-spline").sample(1000, seed=0)  # [1000, 2] in data units

`genlab.contract` says what an exported model is, `genlab.runtime` runs one. Neither needs torch
or a dashboard; onnxruntime is imported when the first model is opened.
`pack` makes such a model from an engineer's own ONNX file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from genlab.model import ExportedModel, Model, load

if TYPE_CHECKING:
    from genlab.packing import pack

__all__ = ["ExportedModel", "Model", "load", "pack"]


def __getattr__(name: str) -> Any:
    """`genlab.pack`, which is imported when it is asked for: it needs more than a loaded model."""
    if name != "pack":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from genlab.packing import pack  # noqa: PLC0415

    return pack
