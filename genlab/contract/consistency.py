"""Do the fields of a card agree with one another?

`genlab.contract.card` says what each field may hold; here are the rules between fields, each a few
lines, each with an error that names the field.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator

from genlab.contract.card import Card, Graph
from genlab.contract.errors import Complaint, problems
from genlab.contract.limits import MAX_ASSET_BYTES, MAX_ELEMENTS, MAX_STEPS
from genlab.contract.verbs import VERBS, Verb, verb_of


def check_consistency(card: Card, folder: str) -> None:
    """Raise one `ContractError` that tells every rule between fields which the card breaks.

    `folder` is the name of its folder, which is the identifier it must carry.
    """
    rules = (_identity, _texts, _spaces, _graphs, _needs, _conditions, _numbers, _order, _files)
    found = [complaint for rule in rules for complaint in rule(card)]
    if card.id != folder:
        found.insert(0, ("id", f"the name of its folder, {folder!r}", repr(card.id)))
    if found:
        raise problems(folder, found)


def _identity(card: Card) -> Iterator[Complaint]:
    start = f"{card.dataset}-{card.family}"
    if card.id != start and not card.id.startswith(start + "-"):
        yield "id", f"<dataset>-<family>[-variant], so {start}...", repr(card.id)


MARKUP = ("[", "]", "<", ">", "`", "://")
"""What makes links, pictures and code of a text in Markdown, where pages show a name."""


def _texts(card: Card) -> Iterator[Complaint]:
    names = {"name": card.name, "dataset_title": card.dataset_title}
    classes = card.constants.classes or []
    names |= {f"constants.classes, {i}": label for i, label in enumerate(classes)}
    for field, text in names.items():
        if any(part in text for part in MARKUP) or not text.isprintable():
            yield field, "a plain text, without [ ] < > ` and addresses", repr(text[:60])


AXES = {"image": 3, "video": 4, "tokens": 1}
"""Axes of an event of each kind; points may have any."""


def _spaces(card: Card) -> Iterator[Complaint]:
    if card.latent is not None and card.latent.dim > MAX_ELEMENTS:
        yield "latent.dim", f"at most {MAX_ELEMENTS:,} numbers", str(card.latent.dim)
    for name, space in card.spaces.items():
        if math.prod(space.shape) > MAX_ELEMENTS:
            yield f"spaces.{name}.shape", f"at most {MAX_ELEMENTS:,} numbers", str(space.shape)
        if len(space.shape) != AXES.get(space.kind, len(space.shape)):
            yield f"spaces.{name}.shape", f"{AXES[space.kind]} axes", str(list(space.shape))
        elif space.channels not in (None, 1, 3):
            yield f"spaces.{name}.shape", "1 or 3 channels", str(space.channels)
        window = space.extent
        if window is not None and not (window[0] < window[1] and window[2] < window[3]):
            expected = "[x0, x1, y0, y1] with x0 < x1 and y0 < y1"
            yield f"spaces.{name}.extent", expected, str(list(window))


def _graphs(card: Card) -> Iterator[Complaint]:
    for name, graph in card.graphs.items():
        try:
            yield from _tensors(name, verb_of(card, name), graph)
        except KeyError:
            known = [*VERBS, "translate:a>b between two of the spaces"]
            yield f"graphs.{name}", f"one of the verbs {', '.join(known)}", repr(name)


def _tensors(name: str, verb: Verb, graph: Graph) -> Iterator[Complaint]:
    sides = (("inputs", verb.inputs, graph.inputs), ("outputs", verb.outputs, graph.outputs))
    for side, tensors, found in sides:
        needed = {tensor.name for tensor in tensors if not tensor.optional}
        allowed = {tensor.name for tensor in tensors}
        if not needed <= set(found) <= allowed or len(set(found)) != len(found):
            optional = f" and perhaps {sorted(allowed - needed)}" if allowed - needed else ""
            yield f"graphs.{name}.{side}", f"{sorted(needed)}{optional}", str(found)
    if (symbols := verb.fixed(graph.inputs)) != set(graph.fixed):
        yield f"graphs.{name}.sizes", f"sizes of {sorted(symbols)}", f"{sorted(graph.fixed)}"


def _needs(card: Card) -> Iterator[Complaint]:
    """What a verb asks of the rest of the card."""
    constants, verbs = card.constants, card.verbs
    needs = {
        "latent": (verbs & {"decode", "encode"}, card.latent),
        "constants.log_snr": (verbs & {"denoise"}, constants.log_snr),
        "constants.parameterisation": (verbs & {"denoise"}, constants.parameterisation),
        "constants.diffusion_scale": (verbs & {"denoise", "log_prob_t"}, constants.diffusion_scale),
        "constants.diffusion_shift": (verbs & {"denoise", "log_prob_t"}, constants.diffusion_shift),
        "constants.critic_scale": (verbs & {"critic"}, constants.critic_scale),
        "constants.classes": (verbs & {"classify"}, constants.classes),
        "constants.next_value": (verbs & {"next"}, constants.next_value),
    }
    for field, (askers, value) in needs.items():
        if askers and not value:
            yield field, f"a value, because of the verb {min(askers)}", "nothing"
    if card.measure.kind == "discrete" and not (card.measure.levels and card.measure.bound):
        yield "measure", "levels and bound, because it is discrete", "not both"
    elif "log_prob" in verbs and card.measure.bound is None:
        yield "measure.bound", "exact, lower or estimate, because of log_prob", "nothing"


def _conditions(card: Card) -> Iterator[Complaint]:
    """A condition has a name of its own, and a null value that fits it."""
    taken = {tensor.name for verb in VERBS.values() for tensor in (*verb.inputs, *verb.outputs)}
    for name, told in card.conditions.items():
        if name in taken:
            yield f"conditions.{name}", "a name that no tensor of a verb has", repr(name)
        if told.dtype == "int64" and isinstance(told.null, float):
            yield f"conditions.{name}.null", "a whole number", f"{told.null:g}"
    classes, label = card.constants.classes, card.conditions.get("label")
    counts = Counter(classes or [])
    if twice := [name for name, count in counts.items() if count > 1 or not name.strip()]:
        yield "constants.classes", "names that differ, none empty", f"{twice[0]!r}"
    if label is not None and classes is not None and label.values != len(classes):
        yield "conditions.label.values", f"as many as classes, {len(classes)}", f"{label.values}"
    elif label is not None and label.values is None:
        yield "conditions.label.values", "a number of values, or names of classes", "neither"


def _numbers(card: Card) -> Iterator[Complaint]:
    constants = card.constants
    named = {f"constants.schedules.{key}": row for key, row in constants.schedules.items()}
    for field, row in ({"constants.log_snr": constants.log_snr} | named).items():
        if row is None:
            continue
        if not 2 <= len(row) <= MAX_STEPS + 1:
            yield field, f"2 to {MAX_STEPS + 1:,} numbers", f"{len(row):,}"
        if any(later >= earlier for earlier, later in itertools.pairwise(row)):
            yield field, "numbers that fall from t = 0 to t = T", "a pair that does not"
    size, shift = math.prod(card.event_shape), constants.diffusion_shift
    if shift is not None and len(shift) not in (1, size):
        yield "constants.diffusion_shift", f"1 or {size} numbers", f"{len(shift)}"
    lengths = {len(curve) for curve in card.history.values()}
    if len(lengths) > 1 or (lengths and "step" not in card.history):
        found = f"curves {sorted(card.history)} of lengths {sorted(lengths)}"
        yield "history", "'step' and curves of its length", found


def _order(card: Card) -> Iterator[Complaint]:
    """Each number of an event belongs to one value of the sequence, and a value can be told."""
    order, size, field = card.constants.order, math.prod(card.event_shape), "constants.order"
    if order is None:
        return
    held = [index for value in order for index in value]
    if sorted(held) != list(range(size)):
        expected = f"each flat index of an event, 0 to {size - 1}, once"
        yield field, expected, f"{len(held):,} indices, {len(set(held)):,} of them different"
    sizes = sorted({len(value) for value in order})
    if card.constants.next_value == "normal_mixture" and sizes != [1]:
        yield field, "one number a value, as normal_mixture has it", f"values of {sizes} numbers"
    elif len(sizes) > 1:
        yield field, "values of one size", f"sizes {sizes}"
    elif sizes != [1] and card.measure.levels is None:
        yield "measure.levels", "how many values a number has, since values hold several", "none"


def _files(card: Card) -> Iterator[Complaint]:
    """One file has one checksum, however many verbs share it; steps of snapshots rise."""
    sums: dict[str, tuple[str, int]] = {}
    for name, graph in card.graphs.items():
        told = sums.setdefault(graph.file, (graph.sha256, graph.bytes))
        if told != (graph.sha256, graph.bytes):
            yield f"graphs.{name}", f"one checksum and size for {graph.file}", "two"
    for name, asset in card.assets.items():
        if asset.bytes > MAX_ASSET_BYTES:
            yield f"assets.{name}.bytes", f"at most {MAX_ASSET_BYTES:,}", f"{asset.bytes:,}"
    named = (card.snapshots, card.thumbnail, card.check, *card.assets.values())
    others = [item.file for item in named if item]
    if len({*others, *sums}) != len(others) + len(sums):
        yield "files", "different names for different things", f"{sorted([*others, *sums])}"
    steps = card.snapshots.steps if card.snapshots else [0]
    if not steps or any(later <= earlier for earlier, later in itertools.pairwise(steps)):
        yield "snapshots.steps", "rising steps, at least one", str(steps)
