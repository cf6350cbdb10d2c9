"""The layers of a flow, one by one, and one point traced through them."""

import streamlit as st

from dashboard.chapters.flows.scenes import density as flows
from dashboard.chapters.flows.scenes import layers as flow_layers
from dashboard.chapters.flows.shared import Extent, first_point, show_ledger
from dashboard.components.stage import peek, stage
from dashboard.plots.theme import ink
from dashboard.shared import catalogue, links
from dashboard.shared.guard import guarded
from dashboard.shared.selection import Look, density_grid
from genlab.runtime.sessions import heavy

MOST = 400
"""Samples on the film: as many as leave its grid and heat map legible."""
GRID = 72


@st.cache_resource(max_entries=8, show_spinner="Following the samples through the layers …")
def _film(model_id: str, stamp: str, n: int, seed: int, extent: Extent) -> flow_layers.Film:
    model = catalogue.open_model(model_id)
    with heavy():
        return flow_layers.layers_film(model, model.latent(n, seed=seed), extent)


@st.cache_data(max_entries=32, show_spinner=False)
def _round_trip(model_id: str, stamp: str, n: int, seed: int) -> flow_layers.RoundTrip:
    model = catalogue.open_model(model_id)
    data = catalogue.reference(model_id, stamp, n)
    return flow_layers.round_trip(model, data, model.latent(n, seed=seed))


@st.fragment
@guarded()
def show(look: Look) -> None:
    """The film and the point on it; a drag runs this fragment alone."""
    card = look.card
    data = catalogue.reference(card.id, look.stamp, look.n)
    film = _film(card.id, look.stamp, min(look.n, MOST), look.seed, look.extent)
    count = len(film.points)
    start = links.once("layer_stage", lambda: links.frame("layer", count))
    state = peek("layer_stage", points={"x": links.point("x", first_point(data))}, count=count)
    x = links.settled(state.points["x"])
    probe = flows.ledger(look.model, x)
    scene = flow_layers.layers_scene(
        film,
        probe,
        density_grid(card.id, look.stamp, look.extent, GRID),
        data,
        look.extent,
        look.scale,
        start if start is not None and start < count else None,
    )
    picture, answer = st.columns([3, 1])
    with picture:
        st.caption(
            "Scrub or play the layers; click or drag in the plane of data to send another point "
            "back through them."
        )
        state = stage(scene, key="layer_stage")
        shown = film.points.shape[1]
        few = f"The film follows the first {shown} of {look.n:,} samples. "
        st.caption(
            f"{few if shown < look.n else ''}Background: what the layer just passed did around "
            "each place, "
            f"{ink('noise', 'stretched')} (log|det| > 0, the density falls) or "
            f"{ink('model', 'squeezed')} (it rises). Interpolated from {film.evaluated:,} "
            f"evaluated points: at {film.points.shape[1]:,} other ones it is within "
            f"{film.error:.2f} nats in 95 of 100 cases. States at the layers are the model's; "
            "between them, straight lines."
        )
    with answer:
        show_ledger(probe, places=True)
        trip = _round_trip(card.id, look.stamp, look.n, look.seed)
        st.metric(
            "Round trip, largest error",
            f"{trip.data:.1e}" if trip.n_data else f"{trip.latent:.1e}",
            help="The exported graphs in float32, there and back.",
        )
        st.caption(
            f"max |x − f(f⁻¹(x))| over {trip.n_data:,} data points: {trip.data:.1e}; "
            f"max |z − f⁻¹(f(z))| over {trip.n_latent:,} draws of noise: {trip.latent:.1e}."
        )
    links.remember("x", x)
    if state.frame != (scene.timeline.start if scene.timeline else 0) or "layer" in st.query_params:
        links.remember("layer", state.frame)
