"""A fit as an exported model like any other: a folder that every page opens, or a zip of it.

    save(fit_histogram(x, 32, box), id="mine-histogram", into=Path("models"), title="My points",
         held_out=more)

Its check values come from numpy and scipy, its figures from the graphs themselves.
"""

from __future__ import annotations

import io
import platform
import tempfile
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from genlab.contract.card import SCHEMA, Card
from genlab.contract.errors import ContractError
from genlab.contract.files import Arrays, write_npz
from genlab.contract.publish import publish
from genlab.fits.graphs import (
    LEAST,
    Fit,
    Float,
    Units,
    decode_graph,
    dimension,
    edges_of,
    log_prob_graph,
)
from genlab.fits.histogram import Histogram
from genlab.fits.kernel import KernelDensity
from genlab.measures.estimate import Estimate
from genlab.model import load
from genlab.packing import data
from genlab.packing.packing import SHOWN, draw, window
from genlab.runtime.check import SIZES, check

REFERENCES = {
    "histogram": "Scott, On optimal and data-based histograms, 1979.",
    "kernel": "Rosenblatt 1956; Parzen 1962: kernel density estimation.",
    "mixture": "Dempster, Laird & Rubin, Maximum likelihood from incomplete data via the EM "
    "algorithm, 1977.",
}
"""By family."""


def family_of(fit: Fit) -> str:
    """What a card calls the family of a fit."""
    if isinstance(fit, Histogram):
        return "histogram"
    return "kernel" if isinstance(fit, KernelDensity) else "mixture"


def name_of(fit: Fit) -> str:
    """What people read beside the name of the data."""
    if isinstance(fit, Histogram):
        return f"Histogram, {' × '.join(map(str, fit.mass.shape))} bins"
    if isinstance(fit, KernelDensity):
        return f"Kernel density, bandwidth {fit.bandwidth:.3g}"
    k = len(fit.weights)
    return f"Mixture of {k} Gaussian{'s' if k > 1 else ''}"


def save(
    fit: Fit,
    *,
    id: str,
    into: Path,
    title: str,
    name: str = "",
    held_out: NDArray[np.floating] | None = None,
    sample: NDArray[np.floating] | None = None,
    extent: Sequence[float] = (),
    units: Units | None = None,
    seconds: float = 0.0,
    created: str = "",
    thumbnail: bool = True,
) -> Card:
    """Publish a fit of points of the line or the plane as `into / id`; the card as published.

    Args:
        fit: A histogram, a kernel density or a mixture.
        id: `<dataset>-<family>[-variant]`, the family being `family_of(fit)`.
        into: A folder of models, such as GENERATIVE_MODELS names.
        title: What people call the data.
        name: What they call the model; `name_of(fit)` if empty.
        held_out: Points [m, d] that the fit has not seen: the card tells their likelihood.
        sample: Points [m, d] of the data, written to `into/data/<dataset>.npz` for the pages.
        extent: Window to plot, x0, x1, y0, y1, data units; found if empty.
        units: Where the fit is of standardised points: what leads back to data units, inside of the
            graphs. All other points here are in data units.
        seconds: That the fit took.
        created: When it was exported, an ISO 8601 time; now if empty.
        thumbnail: Whether to draw the small film, where pillow is installed.

    Raises:
        ContractError: The identifier or the fit breaks the contract, or another sample of these
            data is there. Nothing is written.
    """
    dataset, d = _dataset(id, family_of(fit)), dimension(fit)
    known = units or Units.of(fit)
    files = {"log_prob.onnx": log_prob_graph(fit, known), "decode.onnx": decode_graph(fit, known)}
    files["check.npz"] = write_npz(_answers(fit, known))
    points = known.data(fit.sample(SHOWN, 0)) if sample is None else sample
    if d not in (1, 2) or points.shape[1:] != (d,):
        expected, found = "points of one number or of two", f"{d}, and a sample {points.shape}"
        raise ContractError(id, "spaces.data.shape", expected, found, "fit such points")
    card = _card(fit, id, dataset, title, name, seconds)
    if created:
        card["provenance"]["created"] = created
    if units is not None:
        card["recipe"]["family"] |= {"shift": list(units.shift), "scale": list(units.scale)}
    card["spaces"]["data"]["extent"] = list(map(float, extent)) or window(points)
    with tempfile.TemporaryDirectory() as place:  # what is seen of a draft
        publish(Path(place) / id, card, files)
        card["parity"] = check(Path(place) / id).parity
        model = load(id, device="cpu", folders=[place])
        if held_out is not None:
            card["metrics"] = _figures(model.log_prob(held_out.astype(np.float32)))
        if thumbnail:
            draw(model, card, files)
    if sample is not None:
        reference = {"x": sample[: data.POINTS].astype(np.float32)}
        card["provenance"]["data_sha256"] = data.write(id, dataset, reference, into)
    elif sha256 := data.sum_of(dataset, into):
        card["provenance"]["data_sha256"] = sha256
    return publish(into / id, card, files, judge=check)


def as_files(fit: Fit, *, id: str, title: str, **options: Any) -> bytes:
    """The same as a zip archive with the folder, to be unpacked in a folder of models.

    `options` are further ones of `save`.

    Raises:
        ContractError: As `save` does.
    """
    archive = io.BytesIO()
    with tempfile.TemporaryDirectory() as place, zipfile.ZipFile(archive, "w") as out:
        save(fit, id=id, into=Path(place), title=title, **options)
        for path in sorted(Path(place).rglob("*")):
            if path.is_file() and not path.relative_to(place).parts[0].startswith("."):
                entry = zipfile.ZipInfo(path.relative_to(place).as_posix())  # of no date of its own
                entry.external_attr = 0o644 << 16
                out.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return archive.getvalue()


def decoded(fit: Fit, z: NDArray[np.floating]) -> Float:
    """What the graph `decode` says of z [n, 1 + d] in [0, 1], by numpy and scipy: x [n, d].

    In the units of the fit.
    """
    u, uniform = z[:, 0].astype(np.float64), z[:, 1:].astype(np.float64)
    if isinstance(fit, Histogram):
        chosen = np.searchsorted(edges_of(fit.mass.ravel()), u, side="right")
        bins = np.stack(np.unravel_index(chosen, fit.mass.shape), 1)
        low, high = np.array(fit.box, dtype=np.float64).T
        return np.asarray(low + (bins + uniform) * (high - low) / np.array(fit.mass.shape))
    noise = ndtri(np.clip(uniform, LEAST, 1 - LEAST))
    if isinstance(fit, KernelDensity):
        chosen = np.minimum(np.floor(u * len(fit.points)), len(fit.points) - 1).astype(int)
        return np.asarray(fit.points[chosen] + fit.bandwidth * noise)
    alive = fit.weights > 0
    chosen = np.searchsorted(edges_of(fit.weights[alive]), u, side="right")
    factors = np.linalg.cholesky(fit.covariances[alive])[chosen]
    return np.asarray(fit.means[alive][chosen] + np.einsum("nde,ne->nd", factors, noise))


def _dataset(model: str, family: str) -> str:
    """The data set of an identifier."""
    dataset, found, rest = model.rpartition(f"-{family}")
    if not found or not dataset or (rest and not rest.startswith("-")):
        expected, todo = f"<dataset>-{family}[-variant]", "name it so"
        raise ContractError(model, "id", expected, repr(model), todo)
    return dataset


def _answers(fit: Fit, units: Units) -> Arrays:
    """Arrays of `check.npz`: samples, every third of them moved, and uniform numbers."""
    stored, d = Arrays(), dimension(fit)
    for n in SIZES:
        rng = np.random.default_rng(n)
        x = fit.sample(n, n)
        x[2::3] += x.std() * rng.standard_normal(x[2::3].shape)
        x, z = units.data(x).astype(np.float32), rng.random((n, 1 + d), dtype=np.float32)
        stored |= {f"log_prob/{n}/in/x": x, f"decode/{n}/in/z": z}
        log_p = fit.log_prob(units.standardised(x)) - units.log_volume
        stored[f"log_prob/{n}/out/log_prob"] = log_p.astype(np.float32)
        stored[f"decode/{n}/out/x"] = units.data(decoded(fit, z)).astype(np.float32)
    return stored


def _figures(log_p: NDArray[np.floating]) -> list[dict[str, Any]]:
    """Of log p [m] at held-out points: its mean, or that it is −∞, and for how many."""
    empty, n = np.isneginf(log_p), len(log_p)
    points = f"{n:,} held-out points"
    common = {"split": "held out", "n": n}
    told = f"share of {points} whose density is zero; with any, the mean log-likelihood is −∞"
    share = Estimate.share(empty)
    rows = [
        {"name": "zero_density", "value": share.value, "stderr": share.stderr, "protocol": told}
    ]
    if not empty.any():
        nll = Estimate.mean(-log_p.astype(np.float64))
        told = f"negative log-likelihood in nats: the mean of −log q(x) over {points}"
        error = {"stderr": nll.stderr} if n > 1 else {}
        rows.insert(0, {"name": "nll", "value": nll.value, **error, "protocol": told})
    return [row | common for row in rows]


def _card(
    fit: Fit, model: str, dataset: str, title: str, name: str, seconds: float
) -> dict[str, Any]:
    """All of the card but what is measured."""
    family, d = family_of(fit), dimension(fit)
    libraries = {library: version(library) for library in ("numpy", "scipy", "onnx")}
    return {
        "schema": SCHEMA,
        "id": model,
        "name": name or name_of(fit),
        "dataset_title": title,
        "family": family,
        "dataset": dataset,
        "kind": "trained",
        "spaces": {"data": {"shape": [d], "kind": "points"}},
        "measure": {"kind": "continuous", "bound": "exact"},
        "latent": {"dim": 1 + d, "law": "uniform"},
        "graphs": {
            "log_prob": {"file": "log_prob.onnx", "inputs": ["x"], "outputs": ["log_prob"]},
            "decode": {"file": "decode.onnx", "inputs": ["z"], "outputs": ["x"]},
        },
        "check": {"file": "check.npz"},
        "recipe": {"family": _settings(fit)},
        "provenance": {
            "git_commit": "unknown",
            "command": f"genlab.fits.export.save(fit, id={model!r})",
            "seed": 0,
            "versions": {"python": platform.python_version(), **libraries},
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": float(seconds),
            "hardware": platform.processor() or platform.machine(),
        },
        "license": "not stated",
        "references": [REFERENCES[family]],
    }


def _settings(fit: Fit) -> dict[str, Any]:
    """What a reader must know to fit it again."""
    if isinstance(fit, Histogram):
        return {"bins": list(fit.mass.shape), "box": [list(side) for side in fit.box]}
    if isinstance(fit, KernelDensity):
        return {"bandwidth": float(fit.bandwidth), "points": len(fit.points)}
    return {"components": len(fit.weights), "covariance": fit.shape}
