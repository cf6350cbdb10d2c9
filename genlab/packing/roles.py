"""Which tensor of a file is which of the contract: by name, by custom, or because no other fits."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from genlab.contract.tensors import Tensor
from genlab.packing.source import End, Source

ALIASES: Mapping[str, tuple[str, ...]] = {
    "x": ("sample", "image", "images", "img", "input", "data", "pixel_values", "generated", "out"),
    "z": ("latent", "latents", "noise", "mean", "mu", "latent_sample"),
    "log_var": ("logvar", "log_variance", "logsigma2"),
    "log_snr": (
        "t",
        "timestep",
        "timesteps",
        "time",
        "time_step",
        "noise_labels",
        "step",
        "logsnr",
    ),
    "label": ("labels", "y", "class_labels", "class_label", "classes", "class_id", "cond"),
    "prediction": ("out_sample", "noise_pred", "model_output", "eps", "epsilon", "v", "x0"),
    "log_prob": ("logprob", "log_density", "log_likelihood", "logp"),
    "critic": ("score", "logit", "validity"),
    "logits": ("logit", "scores"),
    "known": ("tokens", "input_ids", "ids", "x", "sequence"),
    "distribution": ("logits",),
}
"""Customary names, in lower case, by those of the contract."""


def matched(
    source: Source,
    side: str,
    rows: Collection[Tensor],
    told: Mapping[str, str],
) -> dict[str, End]:
    """The tensors of one side ("inputs" or "outputs") of a file by the contract's names.

    `told` are names that the engineer gives. Every required row is found, or an error raised; so it
    is where an input is left over, since nobody would feed it.

    Raises:
        ContractError: It says which tensors there are and what to pass.
    """
    left: dict[str, End] = dict(source.inputs if side == "inputs" else source.outputs)
    found: dict[str, End] = {}
    for row in rows:
        theirs = told.get(row.name)
        if theirs is not None and theirs not in left:
            raise _unclear(source, side, row.name, left, f"no tensor {theirs!r}")
        lower = {name.lower(): name for name in reversed(left)}
        names = (theirs,) if theirs else (row.name, *ALIASES.get(row.name, ()))
        name = next((lower[name.lower()] for name in names if name.lower() in lower), None)
        if name is not None and _fits(row, left[name]):
            found[row.name] = left.pop(name)
    for row in [row for row in rows if not row.optional and row.name not in found]:
        fitting = [end for end in left.values() if _fits(row, end)]
        if len(fitting) != 1:
            raise _unclear(source, side, row.name, left, "none" if not fitting else "several")
        found[row.name] = left.pop(fitting[0].name)
    if left and side == "inputs":
        name, end = next(iter(left.items()))
        todo = (
            f"pass names=<one of those>={name}, fixed={name}=<number> to make it a constant, or "
            "classes=… if it is a label"
        )
        expected = f"inputs {', '.join(row.name for row in rows)} and no other"
        raise source.refuse("inputs", expected, end.told, todo)
    return found


def _fits(row: Tensor, end: End) -> bool:
    """Whether a tensor may be the one of a row, by its rank and whether it is of whole numbers."""
    if end.shape is None:
        return True
    event = "event" in row.shape or "latent" in row.shape or "d" in row.shape
    if event:
        return len(end.shape) >= 2
    return row.name == "label" or row.shape != ("n",) or len(end.shape) <= 4


def _unclear(
    source: Source, side: str, name: str, left: Mapping[str, End], found: str
) -> Exception:
    there = ", ".join(end.told for end in left.values()) or "no other"
    expected = f"one that is {name}"
    todo = f"pass names={name}=<its name in the file>"
    return source.refuse(side, expected, f"{found} among {there}", todo)
