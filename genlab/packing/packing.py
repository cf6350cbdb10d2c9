"""Packing: from ONNX files and answers to a model that the contract accepts and the pages open."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from genlab.contract.card import Card, Space
from genlab.contract.errors import ContractError
from genlab.contract.files import Arrays, write_npz
from genlab.contract.kinds import Setting
from genlab.contract.publish import publish
from genlab.contract.tensors import Tensor
from genlab.contract.verbs import verb_of
from genlab.making import making_of, sample
from genlab.model import ExportedModel, load
from genlab.packing import data, schedule, values
from genlab.packing.card import command, diffusion, document
from genlab.packing.graph import wrapped
from genlab.packing.options import KINDS, OWN, VERBS, Options
from genlab.packing.source import Source
from genlab.packing.verbs import Packed, conditions_of, packed
from genlab.runtime.check import Report, check
from genlab.runtime.errors import InputError
from genlab.runtime.smoke import probe

ORIGINAL = "the original, given when it was packed"
OVERSHOOT = 1e-3
"""How far images may leave [0, 1]: rounding, and no more."""
SHOWN = 2_000
"""Samples that a window is fitted to."""
MARGIN = 0.15
"""Share of a window on each side of what is seen in it."""


def packed_model(options: Options, asked: Options | None = None) -> Card:
    """Pack files as one model and publish it; the card as published.

    `asked` is what a person said, where `options` were made of that.

    Raises:
        ContractError: Something cannot be found out, or breaks the contract. Nothing is written.
    """
    files = dict(_files(options))
    table = _table(options) if "denoise" in files and options.time == "step" else None
    made: dict[str, Packed] = {}
    for verb, file in sorted(files.items(), key=lambda item: item[0] == "log_prob"):
        known = options if not made else replace(options, shape=_event(options, made))
        source = Source(options.id, file, _numbers(options))
        made[verb] = packed(known, verb, source, table)
    return _published(options, made, table, command(asked or options))


def _files(options: Options) -> Iterator[tuple[str, Path]]:
    """Files by verb."""
    if options.model is not None:
        if options.kind is None:
            expected, todo = (
                f"one of {', '.join(KINDS)}",
                "say what the first file does: pass kind=<one of them>",
            )
            raise ContractError(options.id, "kind", expected, "nothing", todo)
        yield KINDS[options.kind], options.model
    further = [(verb, getattr(options, verb)) for verb in VERBS]
    given = [(verb, file) for verb, file in further if file is not None]
    if options.model is None and not given:
        todo = "name an .onnx file, or one for a verb, such as decode=g.onnx"
        raise ContractError(options.id, "files", "an ONNX file", "none", todo)
    yield from given


def _numbers(options: Options) -> dict[str, float]:
    """Inputs that are constants, by name."""
    try:
        return {name: float(value) for name, value in (t.split("=", 1) for t in options.fixed)}
    except ValueError:
        todo = "pass the input's name and its value"
        found = str(options.fixed)
        raise ContractError(options.id, "fixed", "name=number", found, todo) from None


def _table(options: Options) -> np.ndarray:
    """λ of every trained step."""
    ends = options.steps, options.beta_start, options.beta_end
    return schedule.log_snr_of(schedule.alphas_bar_of(options.id, options.alphas_cumprod, *ends))


def _event(options: Options, made: Mapping[str, Packed]) -> tuple[int, ...]:
    """The shape of a sample, as the first verb that has one tells it."""
    return next((each.event for each in made.values() if each.event), options.shape)


def _published(
    options: Options, made: dict[str, Packed], table: np.ndarray | None, typed: str
) -> Card:
    event = _event(options, made)
    if not event:
        expected, todo = (
            "the shape of one sample, which no file tells",
            "pass shape=(1, 28, 28), or what it is",
        )
        raise ContractError(options.id, "shape", expected, "nothing", todo)
    classes = _classes(options, made)
    _judge_use(options, made, classes)
    card = document(options, made, event) | diffusion(options, made, event, table)
    card["constants"] |= {"classes": classes} if classes else {}
    spaces = {"data": Space(**card["spaces"]["data"] | {"shape": tuple(event)})}
    reference = _reference(options, event, len(classes))
    if classes and not card["conditions"] and "classify" not in made and "label" not in reference:
        found = "no input label, no logits, and no labels in the data"
        todo = "leave classes out, or export the network with its input of labels"
        raise ContractError(options.id, "classes", "something that has classes", found, todo)
    setting = _setting(options, spaces, card, reference)
    graphs, stored, check_of = dict[str, bytes](), Arrays(), OWN
    given = values.opened(options.id, options.check_values) if options.check_values else None
    for verb, each in made.items():
        rows = _rows(setting, verb)
        each = replace(each, event=event)  # noqa: PLW2901 - of z alone it tells no shape
        graph = graphs[f"{verb}.onnx"] = wrapped(each, rows, len(classes))
        if given is None:
            stored |= values.made_values(each, rows, setting, len(classes), graph)
        else:
            stored, check_of = stored | values.given_values(each, given), ORIGINAL
    _judge_range(options, stored, event)
    card["recipe"]["check_values"], card["provenance"]["command"] = check_of, typed
    files = graphs | {"check.npz": write_npz(stored)}
    _finish(options, card, files, reference, measured=given is not None)
    if reference:
        sha256 = data.write(options.id, options.dataset, reference, options.into)
    else:
        sha256 = data.sum_of(options.dataset, options.into) or ""
    card["provenance"] |= {"data_sha256": sha256} if sha256 else {}
    return publish(options.into / options.id, card, files, judge=check)


def _rows(setting: Setting, verb: str) -> dict[str, Tensor]:
    row = verb_of(setting, verb)
    return {tensor.name: tensor for tensor in (*row.outputs, *row.inputs)}


def _setting(
    options: Options, spaces: dict[str, Space], card: dict[str, Any], reference: Arrays
) -> Setting:
    """Where check inputs are drawn."""
    law = "normal" if options.latent == "normal" else "uniform"
    levels = card["constants"].get("log_snr")
    x = reference.get("x")
    if x is not None and x.dtype == np.uint8:
        x = x[: values.MOST].astype(np.float32) / 255
    return Setting(
        spaces,
        law,
        (levels[-1], levels[0]) if levels else Setting.levels,
        conditions_of(options),
        None if x is None or len(x) < values.MOST else x[: values.MOST],
        card["constants"].get("diffusion_scale", 1.0),
        _shift(card, spaces["data"].shape),
    )


def _shift(card: dict[str, Any], event: tuple[int, ...]) -> np.ndarray:
    shift = np.asarray(card["constants"].get("diffusion_shift", [0.0]), np.float32)
    return shift.reshape(event) if shift.size == prod(event) else shift


def _judge_use(options: Options, made: Mapping[str, Packed], classes: list[str]) -> None:
    """Options that say something of a network that no file is."""
    idle: dict[str, tuple[object, str]] = {}
    if "denoise" not in made:
        told = options.alphas_cumprod, options.log_snr, options.parameterisation
        names = "alphas_cumprod", "log_snr", "parameterisation"
        idle |= {name: (value, "a denoiser") for name, value in zip(names, told, strict=True)}
    if not any("label" in each.inputs.ends for each in made.values()):
        idle["null_label"] = (options.null_label, "an input of labels")
    for name, (value, wanted) in idle.items():
        if value is not None:
            found, todo = f"{', '.join(made)} without one", f"leave {name} out"
            raise ContractError(options.id, name, wanted, found, todo)


def _reference(options: Options, event: tuple[int, ...], classes: int) -> Arrays:
    return data.reference(options.id, options.data, event, classes) if options.data else {}


def _classes(options: Options, made: Mapping[str, Packed]) -> list[str]:
    """Names of the classes; of a classifier whose classes nobody named, their numbers."""
    known, told = options.class_names, next((m.classes for m in made.values() if m.classes), None)
    if told is None:
        return known
    if known and len(known) != told:
        todo = "name as many, or leave classes out"
        raise ContractError(options.id, "classes", f"{told}", f"{len(known)}", todo)
    return known or [str(i) for i in range(told)]


def _judge_range(options: Options, stored: Arrays, event: tuple[int, ...]) -> None:
    """Numbers are finite, and images lie in [0, 1]: if not, the range was told wrongly."""
    for key, values_ in stored.items():
        verb, n, side, name = key.split("/")
        wrong = ~np.isfinite(values_) if values_.dtype.kind == "f" else np.zeros(1, bool)
        if side == "out" and n == str(values.MOST) and name != "log_prob" and wrong.any():
            rows = int(wrong.reshape(len(values_), -1).any(1).sum())
            found = f"NaN or infinity in {rows} of {n} rows"
            todo = "mend the network: no option of packing makes numbers of these"
            raise ContractError(options.id, f"{verb}.{name}", "finite numbers", found, todo)
    x = stored.get(f"decode/{values.MOST}/out/x")
    if x is None or len(event) != 3 or (x.min() >= -OVERSHOOT and x.max() <= 1 + OVERSHOOT):
        return
    guess = (
        "bytes" if x.max() > 10 else "tanh" if x.min() >= -1.01 and x.max() <= 1.01 else "logits"
    )
    todo = f"pass range={guess} if that is what it makes, or clip=True to cut off what is outside"
    expected, found = "images in [0, 1]", f"numbers from {x.min():.3g} to {x.max():.3g}"
    raise ContractError(options.id, "decode.x", expected, found, todo)


def _finish(
    options: Options,
    card: dict[str, Any],
    files: dict[str, bytes],
    reference: Arrays,
    measured: bool,
) -> None:
    """What is seen of a draft: whether it holds, its parity, a window to plot, the small film."""
    with tempfile.TemporaryDirectory() as place:
        publish(Path(place) / options.id, card, files)
        report = _checked(Path(place) / options.id)
        if measured:
            card["parity"] = report.parity
        _judge_labels(report.card, Path(place))
        space = card["spaces"]["data"]
        if space["kind"] == "points" and space["shape"][0] <= 2:
            model = load(options.id, device="cpu", folders=[place])
            space["extent"] = list(options.extent) or window(_seen(model, reference))
            publish(Path(place) / options.id, card, files)
        if options.thumbnail and making_of(report.card):
            draw(load(options.id, device="cpu", folders=[place]), card, files)


def _checked(folder: Path) -> Report:
    """The judgement of a draft, with what most likely makes a difference from the original."""
    try:
        return check(folder)
    except ContractError as error:
        if not error.field.startswith("parity"):
            raise
        todo = "call module.eval() before the export, and give the arrays that went in and came out"
        raise ContractError(error.model, error.field, error.expected, error.found, todo) from None


def _judge_labels(card: Card, place: Path) -> None:
    """A verb that is told a class runs on every class and on the null value."""
    model = load(card.id, device="cpu", folders=[place])
    label = card.conditions.get("label")
    told = (
        [] if label is None else [*range(label.values or 0), *([label.null] if label.null else [])]
    )
    for verb, graph in card.graphs.items():
        if "label" in graph.inputs and told:
            feeds: dict[str, Any] = dict(probe(card, verb, len(told)))
            feeds["label"] = np.array(told, np.int64)
            model.run(verb, **feeds)


def draw(model: ExportedModel, card: dict[str, Any], files: dict[str, bytes]) -> None:
    """Add the small film, where pillow is there and the model makes samples without being told."""
    try:
        from genlab.packing.thumbnail import FRAMES, thumbnail  # noqa: PLC0415 - pillow is an extra
    except ImportError:
        return
    try:
        film = thumbnail(model)
    except InputError:  # a class must be told
        return
    if film is not None:
        files["thumbnail.webp"] = film
        card["thumbnail"] = {"file": "thumbnail.webp", "frames": FRAMES}


def _seen(model: ExportedModel, reference: Arrays) -> np.ndarray:
    """Points [n, d] that a window is fitted to: the data, else samples."""
    if "x" in reference:
        return reference["x"]
    if making_of(model.card):
        return sample(model, SHOWN)
    return np.array([[-3.0] * model.card.event_shape[0], [3.0] * model.card.event_shape[0]])


def window(x: np.ndarray) -> list[float]:
    """x0, x1, y0, y1 around points [n, 1 or 2]; on the line y is a density."""
    low, high = np.quantile(x, [0.002, 0.998], axis=0)
    wide = np.where(high > low, high - low, 1.0)
    sides = np.stack([low - MARGIN * wide, high + MARGIN * wide], axis=1)  # [d, 2]
    if len(sides) == 1:
        top = np.histogram(x[:, 0], 32, tuple(sides[0]), density=True)[0].max()
        sides = np.stack([sides[0], [0.0, 1.2 * top]])
    digits = 3 - np.floor(np.log10(np.ptp(sides, axis=1))).astype(int)  # whatever the unit is
    return [
        round(float(side), digit)
        for pair, digit in zip(sides, digits, strict=True)
        for side in pair
    ]
