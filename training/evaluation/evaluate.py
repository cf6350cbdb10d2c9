"""Measure an exported model and write the figures onto its card, each as soon as it is found.

What there is to measure of points and of images is told by `points` and `images`; of data that
this project does not know, by `reference`.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import genlab
from genlab import ExportedModel
from genlab.contract.card import Metric
from genlab.contract.files import read_bytes
from genlab.contract.publish import locked, publish
from genlab.contract.reading import read
from genlab.runtime.check import check
from genlab.runtime.errors import InputError
from training import runs
from training.data import DATASETS, IMAGES
from training.data.idx import DataError
from training.evaluation import cas
from training.evaluation.images import image_measures
from training.evaluation.metrics import Unmeasurable
from training.evaluation.points import MEASURES
from training.evaluation.reference import reference_measures

TRIALS = "trials_"
"""What the names of figures over several seeds begin with: `trials.py` measures them."""
ELSEWHERE = (TRIALS, cas.NAME)
"""Figures that other commands measure: they stay on the card."""


def evaluate(
    folder: Path,
    n: int,
    seed: int,
    only: Sequence[str] = (),
    device: str = "cpu",
    left_out: Callable[[str, str], None] = lambda name, why: None,
) -> list[Metric]:
    """Measure an exported model; its card gets the figures as they are found.

    What cannot be measured is left out; where all could be, figures that nobody measures go.

    Arguments:
        folder: The exported model's folder.
        n: Fresh points for averages over the data.
        seed: Seed of the fresh points and of the noise.
        only: Names of what to measure, such as "bound"; everything by default. Other figures stay.
        device: Where its graphs run: "cpu", "cuda", or "auto".
        left_out: Is told the name of each measure that cannot be had, and why.

    Raises:
        ContractError: There is no such model, or it is broken.
        InputError: There is no such thing to measure.
        RunError: A GPU is asked for, and there is none.
    """
    model = genlab.load(folder.name, device=device, folders=[folder.parent])
    if device == "cuda" and model.device.granted != "cuda":
        raise runs.RunError(f"{model.device.reason}; leave --device out to measure on the CPU")
    measures = _measures(model, folder.parent, n, seed)
    if unknown := set(only) - set(measures):
        raise InputError("only", f"some of {', '.join(measures)}", ", ".join(sorted(unknown)))
    fresh, complete = list[Metric](), True
    for name, measure in measures.items():
        if only and name not in only:
            continue
        try:
            found = list(measure())  # up to an hour's work: kept, whatever happens to the next
        except (Unmeasurable, DataError, InputError) as why:
            left_out(name, str(why))
            complete = False
            continue
        add_figures(model, found)
        fresh += found
    if not only and complete:
        names = {metric.name for metric in fresh}
        add_figures(model, [], lambda name: name not in names and not name.startswith(ELSEWHERE))
    return fresh


def _measures(
    model: ExportedModel, folder: Path, n: int, seed: int
) -> dict[str, Callable[[], Iterator[Metric]]]:
    """What there is to measure of a model, by name."""
    images = model.card.space.kind == "image"
    if model.card.dataset not in (IMAGES if images else DATASETS):
        return reference_measures(model, folder, seed)
    if images:
        return image_measures(model, folder, seed)
    rows = [(name, measure) for name, fits, measure in MEASURES if fits(model.card)]
    return {name: partial(measure, model, n, seed) for name, measure in rows}


def add_figures(
    model: ExportedModel, fresh: list[Metric], gone: Callable[[str], bool] = lambda name: False
) -> None:
    """Publish an exported model anew with these figures on its card.

    The others stay as they are by now: measuring takes a while, and another command may have
    written some meanwhile.

    Arguments:
        model: As it was measured.
        fresh: What was measured; figures of the same name are replaced.
        gone: Whether another figure, by its name, is outdated and goes.

    Raises:
        RunError: The model was exported again meanwhile; the figures are not its own.
    """
    with locked(folder := model.folder):
        card = read(folder)
        if card.graphs != model.card.graphs:
            raise runs.RunError(
                f"{card.id} was exported again while it was measured, so the figures are not "
                "written; measure it again"
            )
        names = {metric.name for metric in fresh}
        stays = [old for old in card.metrics if old.name not in names and not gone(old.name)]
        figures = sorted([*stays, *fresh], key=lambda metric: metric.name.startswith(ELSEWHERE))
        if figures == card.metrics:
            return
        card = card.model_copy(update={"metrics": figures})
        files = {name: read_bytes(folder, name) for name in card.files}
        publish(folder, card, files, partial(check, device=model.device.requested))
