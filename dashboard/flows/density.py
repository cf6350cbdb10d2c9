"""The density of a flow and the ledger of one point."""

import numpy as np
import streamlit as st

from dashboard import links, parts, services
from dashboard.components.stage import peek, stage
from dashboard.figures import flows
from dashboard.flows.shared import (
    Look,
    clouds,
    density_grid,
    first_point,
    show_ledger,
    true_density,
)
from dashboard.guard import guarded

GRID, COARSE = 200, 50


@st.fragment
@guarded()
def show(look: Look) -> None:
    """The heat map and the ledger of one point; a drag runs this fragment alone.

    The first picture of a model is coarse and has the density alone; the browser asks for the
    whole one as soon as it is painted.
    """
    card, extent = look.card, look.extent
    data = services.reference(card.id, look.stamp, look.n)
    state = peek("flow_stage", points={"x": links.point("x", first_point(data))})
    x = links.settled(state.points["x"])
    whole = f"{card.id} {look.stamp}"
    ready = state.more == whole
    picture, answer = st.columns([3, 1])
    with picture:
        st.caption(
            "Click or drag anywhere in the plane of data: the ledger adds up log p(x) there."
        )
        rest = None
        if ready:
            samples, latent = clouds(card.id, look.stamp, look.n, look.seed)
            rest = samples, latent, flows.ledger(look.model, x).z
        scene = flows.density_scene(
            density_grid(card.id, look.stamp, extent, GRID if ready else COARSE),
            true_density(card.dataset, extent, GRID if ready else COARSE),
            data,
            extent,
            look.scale,
            x,
            rest,
        )
        stage(scene, key="flow_stage", more="" if ready else whole)
        if rest:
            parts.tell_not_finite(rest[0])
    with answer:
        show_ledger(flows.ledger(look.model, x))
        at = np.asarray([x], dtype=np.float32)
        true = services.exactly(card.dataset, "log_prob", lambda exact: exact.log_prob(at)[0])
        if true is not None:
            st.caption(
                f"True log-density here: {true:.2f} nats (exact)."
                if np.isfinite(true)
                else "The true density here is zero (exact)."
            )
    links.remember("x", x)
