"""The card of a packed model: what its files tell, what the engineer said, and what nobody did."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from genlab.contract.card import SCHEMA
from genlab.contract.errors import ContractError
from genlab.diffusion.schedules import cosine
from genlab.packing import schedule
from genlab.packing.options import PREDICTIONS, VERBS, Options
from genlab.packing.units import units_of
from genlab.packing.verbs import Packed, conditions_of

PATHS = ("model", "diffusers", "data", "check_values", "alphas_cumprod", "log_snr")
"""Options that may name a file."""
PLAIN = (str, int, float, Path, tuple, type(None))
"""What can stand on a command line; python may pass numbers where that has a file."""
PIXELS = 12.0
"""Greatest λ of a schedule of images that nobody gave: beyond it float32 tells nothing apart."""


def document(
    options: Options, made: Mapping[str, Packed], event: tuple[int, ...]
) -> dict[str, Any]:
    """All of the card but what is measured."""
    image = len(event) == 3
    discrete = options.levels is not None
    measure: dict[str, Any] = {"kind": "discrete" if discrete else "continuous"}
    if discrete or "log_prob" in made:
        measure["bound"] = options.bound
    constants: dict[str, Any] = {}
    if "critic" in made:
        constants["critic_scale"] = "logit" if options.probabilities else options.critic_scale
    if "next" in made:
        constants["next_value"] = options.next_value
    latent = next((each.latent for each in made.values() if each.latent), None)
    law = "normal" if options.latent == "normal" else "uniform"
    card = {
        "schema": SCHEMA,
        "id": options.id,
        "name": options.name or options.id.partition("-")[2] or options.id,
        "dataset_title": options.dataset_title or options.dataset,
        "family": options.family,
        "dataset": options.dataset,
        "kind": "trained",
        "spaces": {"data": {"shape": list(event), "kind": "image" if image else "points"}},
        "measure": measure | ({"levels": options.levels} if discrete else {}),
        "conditions": {
            name: row.model_dump(exclude_none=True, mode="json")
            for name, row in conditions_of(options).items()
            if any(name in each.inputs.ends for each in made.values())
        },
        "graphs": {verb: _signature(each) for verb, each in made.items()},
        "constants": constants,
        "check": {"file": "check.npz"},
        "recipe": {"packed": _packing(options, made)},
        "provenance": _provenance(options, made),
        "license": options.license,
        "references": list(options.references),
    }
    return card | ({"latent": {"dim": latent, "law": law}} if latent else {})


def _signature(made: Packed) -> dict[str, Any]:
    ends = {"inputs": list(made.inputs.ends), "outputs": list(made.outputs.ends)}
    return {"file": f"{made.verb}.onnx"} | ends


def _packing(options: Options, made: Mapping[str, Packed]) -> dict[str, Any]:
    """What a reader must know to pack it again: kind, ranges, and the files' own names."""
    told = {"kind": options.kind, "range": list(options.range), "layout": options.layout}
    names = {
        verb: {
            name: end.name
            for side in (each.inputs, each.outputs)
            for name, end in side.ends.items()
        }
        for verb, each in made.items()
    }
    return {key: value for key, value in told.items() if value} | {"names": names}


def _provenance(options: Options, made: Mapping[str, Packed]) -> dict[str, Any]:
    libraries = {name: version(name) for name in ("numpy", "onnx")}
    for each in made.values():
        if each.source.model.producer_name:
            model = each.source.model
            libraries[model.producer_name] = model.producer_version or "unknown"
    return {
        "git_commit": options.commit,
        "seed": options.seed,
        "versions": {"python": platform.python_version(), **libraries},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": options.seconds,
        "hardware": options.hardware,
    }


def command(options: Options) -> str:
    """The command line of these options, without the folders of the machine."""
    words = ["genlab", "pack"]
    for each in fields(options):
        value, flag = getattr(options, each.name), each.name.replace("_", "-")
        listed = value if isinstance(value, tuple) else (value,)
        if each.name == "into" or (isinstance(value, PLAIN) and value == each.default):
            continue
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
            continue
        if each.name != "model":
            words.append(f"--{flag}")
        known = each.name in (*VERBS, *PATHS)
        words += [_word(item, known) if isinstance(item, PLAIN) else "(numbers)" for item in listed]
    return shlex.join(words)


def _word(value: Any, path: bool) -> str:
    return Path(str(value)).name if path else str(value)


def diffusion(
    options: Options,
    made: Mapping[str, Packed],
    event: tuple[int, ...],
    table: np.ndarray | None,
) -> dict[str, Any]:
    """The constants of a denoiser, with those that are there already."""
    constants = document(options, made, event)["constants"]
    if "denoise" not in made:
        return {"constants": constants}
    scale, shift = units_of(options, options.range_of("denoise"), event)
    if scale.size != 1:
        expected, found = "one std, since noise is as large in every direction", f"{scale.size}"
        todo = "pass one number"
        raise ContractError(options.id, "std", expected, found, todo)
    asked = options.parameterisation or ""
    kind = PREDICTIONS.get(asked, asked)
    if kind not in PREDICTIONS.values():
        expected = "eps, v or x0 (or epsilon, v_prediction, sample)"
        todo = "pass parameterisation: what the network was trained to predict"
        raise ContractError(options.id, "parameterisation", expected, asked or "nothing", todo)
    levels = _log_snr(options, event) if table is None else schedule.with_clean_end(table)
    known = {
        "log_snr": [float(level) for level in levels],
        "parameterisation": kind,
        "diffusion_scale": float(scale),
        "diffusion_shift": [float(each) for each in shift.reshape(-1)],
    }
    return {"constants": constants | known}


def _log_snr(options: Options, event: tuple[int, ...]) -> np.ndarray:
    """The schedule of a denoiser that is told λ itself: the one given, else the cosine one."""
    if options.log_snr is None:
        return cosine(options.steps, PIXELS) if len(event) == 3 else cosine(options.steps)
    try:
        given = np.load(options.log_snr) if isinstance(options.log_snr, str) else options.log_snr
        return np.asarray(given, np.float64).reshape(-1)
    except (OSError, ValueError, TypeError):
        expected, todo = "a .npy file of numbers", "write it by numpy.save"
        found = repr(options.log_snr)[:80]
        raise ContractError(options.id, "log_snr", expected, found, todo) from None
