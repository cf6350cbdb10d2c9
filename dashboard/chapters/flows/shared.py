"""What several views of a flow need: densities, samples, the ledger in words; cached."""

import streamlit as st

from dashboard.chapters.flows.scenes.density import Ledger
from dashboard.components.readout import Readout
from dashboard.plots.bounds import SIGNS, WORDS, bound_of
from dashboard.plots.theme import ink
from dashboard.shared import catalogue
from dashboard.shared.compute import computed
from dashboard.shared.selection import density_grid
from genlab.contract.card import Card
from genlab.measures.density import Extent
from genlab.model import Array, ExportedModel

VERBS = ("log_prob", "encode", "decode")


def true_density(dataset: str, extent: Extent, size: int) -> Array | None:
    """The exact log p of the data on size × size cells, nats; None where it is not known."""
    return catalogue.exactly(dataset, "log_prob", lambda exact: density_grid(exact, extent, size))


@computed(entries=128)
def clouds(model: ExportedModel, n: int, seed: int) -> tuple[Array, Array]:
    """Samples of the flow, and the reference data pushed to its latent plane."""
    data = catalogue.reference(model.card, n)
    return model.sample(n, seed=seed), model.encode(data)


def first_point(data: Array) -> tuple[float, float]:
    """Where a point to drag begins: on a data point."""
    return (float(data[0, 0]), float(data[0, 1])) if len(data) else (0.0, 0.0)


def number(card: Card, probe: Ledger) -> Readout:
    """Log p(x) of the point, for the stage to show."""
    return Readout(
        f"log p(x){SIGNS[bound_of(card)]}, nats", [f"{probe.log_px:.3f}".replace("-", "−")], "model"
    )


def show_ledger(card: Card, probe: Ledger, *, places: bool = False) -> None:
    """Log p(x) as a sum, layer by layer, all in nats; with the point's `places` on the way."""
    bound = bound_of(card)
    if bound != "exact":
        st.caption(f"What this model gives for log p(x) is its {WORDS[bound]}, not its value.")
    depth = len(probe.log_det)
    layers = zip(range(depth, 0, -1), probe.log_det, probe.states, strict=False)
    if places:
        head = "| layer | from | nats |\n|---|---|---:|\n"
        rows = [f"| {k} | h{sub(k)} = {_at(h)} | {value:+.3f} |" for k, value, h in layers]
        rows.append(f"| {ink('noise', 'log N')} | z = {_at(probe.z)} | {probe.log_pz:+.3f} |")
    else:
        head = "| from x back to z | nats |\n|---|---:|\n"
        rows = [
            f"| layer {k}: log\\|det ∂h{sub(k - 1)}/∂h{sub(k)}\\| | {value:+.3f} |"
            for k, value, _ in layers
        ]
        rows.append(f"| {ink('noise', 'log N(z; 0, I)')} | {probe.log_pz:+.3f} |")
    total = probe.log_pz + sum(probe.log_det)
    rows.append(f"| **log p** |{' |' if places else ''} **{total:+.3f}** |")
    st.markdown((head + "\n".join(rows)).replace("| -", "| −").replace("**-", "**−"))
    if places:
        st.caption("Row k: log|det ∂hₖ₋₁/∂hₖ|, what layer k adds to log p(x).")
        return
    st.caption(
        f"x = {_at(probe.x)}, z = {_at(probe.z)}. "
        f"There and back: |x − f(f⁻¹(x))| = {probe.round_trip:.1e}."
    )


def _at(place: tuple[float, float]) -> str:
    return f"({place[0]:.2f},\u00a0{place[1]:.2f})".replace("-", "−")


def sub(k: int) -> str:
    """A number as a subscript."""
    return str(k).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))
