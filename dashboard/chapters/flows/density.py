"""The density of a flow and the ledger of one point."""

import numpy as np
import streamlit as st

from dashboard.chapters.flows.scenes import density as flows
from dashboard.chapters.flows.shared import Extent, clouds, first_point, show_ledger, true_density
from dashboard.components.scene import Heatmap
from dashboard.components.stage import peek, stage
from dashboard.plots.shading import Scale
from dashboard.shared import catalogue, links, parts
from dashboard.shared.guard import guarded
from dashboard.shared.selection import COARSE, GRID, Look, density_grid


@st.cache_resource(max_entries=16, show_spinner=False)
def _maps(model_id: str, stamp: str, extent: Extent, size: int, scale: Scale) -> list[Heatmap]:
    """The density of the flow and the true one, shaded: the same layers at every move."""
    card = catalogue.read_catalogue().cards[model_id]
    density = density_grid(model_id, stamp, extent, size)
    return flows.density_maps(density, true_density(card.dataset, extent, size), scale)


def asked(look: Look) -> list[str]:
    """What the stage says back when the coarse picture is painted, and when the whole one is."""
    return [f"{look.card.id} {look.stamp} {what}" for what in ("whole density", "samples")]


def painted(look: Look) -> bool:
    """Whether nothing is left to be painted; if so, the page need not be shown again."""
    return parts.note_painted("flow_stage", peek("flow_stage").more == asked(look)[-1])


@st.fragment
@guarded()
def show(look: Look) -> None:
    """The heat map and the ledger of one point; a drag runs this fragment alone.

    The first picture of a model is a coarse density; as soon as it is painted the browser asks for
    the whole density, and then for the samples and the plane of noise.
    """
    card, extent = look.card, look.extent
    data = catalogue.reference(card.id, look.stamp, look.n)
    state = peek("flow_stage", points={"x": links.point("x", first_point(data))})
    x = links.settled(state.points["x"])
    names = asked(look)
    level = names.index(state.more) + 1 if state.more in names else 0
    left, answer = st.columns([3, 1])
    with left:
        st.caption(
            "Click or drag anywhere in the plane of data: the ledger adds up log p(x) there."
        )
        rest, probe = None, None
        if level == len(names):
            samples, latent = clouds(card.id, look.stamp, look.n, look.seed)
            probe = flows.ledger(look.model, x)
            rest = samples, latent, probe.z
        maps = _maps(card.id, look.stamp, extent, GRID if level else COARSE, look.scale)
        scene = flows.density_scene(maps, data, extent, x, rest)
        stage(scene, key="flow_stage", more="" if level == len(names) else names[level])
        if rest:
            parts.tell_not_finite(rest[0])
    with answer:
        show_ledger(probe or flows.ledger(look.model, x))
        at = np.asarray([x], dtype=np.float32)
        true = catalogue.exactly(card.dataset, "log_prob", lambda exact: exact.log_prob(at)[0])
        if true is not None:
            st.caption(
                f"True log-density here: {true:.2f} nats (exact)."
                if np.isfinite(true)
                else "The true density here is zero (exact)."
            )
    links.remember("x", x)
    if rest:
        parts.show_rest("flow_stage")
