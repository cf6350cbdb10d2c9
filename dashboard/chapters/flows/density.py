"""The density of a flow and the ledger of one point."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import streamlit as st

from dashboard.chapters.flows.scenes import density as flows
from dashboard.chapters.flows.shared import clouds, first_point, number, show_ledger, true_density
from dashboard.components.scene import Heatmap
from dashboard.plots.bounds import shown_density
from dashboard.plots.shading import Scale, peak
from dashboard.shared import catalogue, parts
from dashboard.shared.ahead import AHEAD
from dashboard.shared.compute import computed
from dashboard.shared.guard import guarded
from dashboard.shared.links import linked
from dashboard.shared.refining import Refining, refining
from dashboard.shared.selection import COARSE, GRID, PlaneSelection, density_grid
from dashboard.shared.taken import Arrays, take_away
from genlab.measures.density import Extent
from genlab.model import ExportedModel

STAGE = "flow_stage"


@computed(entries=128, keep="resource")
def _maps(model: ExportedModel, extent: Extent, size: int, scale: Scale) -> list[Heatmap]:
    """The density of the flow and the true one, shaded: the same layers at every move."""
    density = density_grid(model, extent, size)
    true = true_density(model.card.dataset, extent, size)
    top = peak(density) if true is None else peak(density, true)
    return flows.density_maps(density, true, scale, shown_density(model.card), top)


def levels(look: PlaneSelection) -> Refining:
    """A coarse density, the whole one, and then the samples and the plane of noise."""
    least = 2 if AHEAD.made(STAGE, look) else 0
    return refining(STAGE, look.card, levels=("coarse", "whole", "samples"), at_least=least)


def plan(looks: Iterable[PlaneSelection]) -> None:
    """Make what the stage shows of other flows, while nobody computes."""
    AHEAD.plan(STAGE, looks, make)


def make(look: PlaneSelection) -> None:
    """Fill the caches that the stage reads."""
    model = look.model
    _maps(model, look.extent, GRID, look.scale)
    clouds(model, look.n, look.seed)
    flows.ledger(model, first_point(catalogue.reference(look.card, look.n)))


@st.fragment
@guarded()
def show(look: PlaneSelection) -> None:
    """The heat map and the ledger of one point; a drag runs this fragment alone."""
    card, model, picture = look.card, look.model, levels(look)
    data = catalogue.reference(card, look.n)
    at = linked(STAGE, points={"x": first_point(data)})
    x = at.points["x"]
    probe = flows.ledger(model, x)
    rest = (*clouds(model, look.n, look.seed), probe.z) if picture.last else None
    size = COARSE if picture.now == "coarse" else GRID
    maps = _maps(model, look.extent, size, look.scale)
    scene = flows.density_scene(maps, data, look.extent, x, rest)
    left, answer = st.columns([3, 1])  # all is computed: the browser is told in one go
    with left:
        at.show(replace(scene, readouts=[number(card, probe)]), more=picture.more)
        if rest:
            parts.tell_not_finite(rest[0])
    with answer:
        show_ledger(card, probe)
        true = catalogue.exactly(card.dataset, "log_prob", lambda exact: exact.log_prob([x])[0])
        if true is not None:
            st.caption(
                f"True log-density here: {true:.2f} nats (exact).".replace(" -", " −")
                if np.isfinite(true)
                else "The true density here is zero (exact)."
            )
    picture.show_rest()


def offer(look: PlaneSelection) -> None:
    """Files of what is shown: samples, data pushed to z, and the log-density of the cells."""
    extent = look.extent

    def at(_: int) -> Arrays:
        samples, latent = clouds(look.model, look.n, look.seed)
        cells, true = density_grid(look.model, extent, GRID), look.card.dataset
        arrays = {"x": samples, "data_z": latent, "log_prob": cells, "extent": np.array(extent)}
        exact = true_density(true, extent, GRID)
        return arrays if exact is None else arrays | {"true_log_prob": exact}

    name = f"{look.card.id}-seed{look.seed}"
    told = f"{name} {look.card.check.sha256} {look.n} {extent} density"
    take_away("Samples", name, told, at, columns=["x"])
