"""The layers of a flow, one by one, and one point traced through them."""

from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.chapters.flows.scenes import density as flows
from dashboard.chapters.flows.scenes import layers as flow_layers
from dashboard.chapters.flows.shared import first_point, number, show_ledger
from dashboard.components.readout import Readout
from dashboard.plots.theme import ink
from dashboard.shared import catalogue
from dashboard.shared.compute import computed
from dashboard.shared.guard import guarded
from dashboard.shared.links import linked
from dashboard.shared.selection import PlaneSelection, density_grid
from dashboard.shared.taken import take_away
from genlab.measures.density import Extent
from genlab.model import ExportedModel

MOST = 400
"""Samples on the film: as many as leave its grid and heat map legible."""
GRID = 72


@computed(entries=8, keep="resource", spinner="Following the samples through the layers …")
def _film(model: ExportedModel, n: int, seed: int, extent: Extent) -> flow_layers.LayersFilm:
    return flow_layers.layers_film(model, model.latent(n, seed=seed), extent)


@computed(entries=32)
def _round_trip(model: ExportedModel, n: int, seed: int) -> flow_layers.RoundTrip:
    data = catalogue.reference(model.card, n)
    return flow_layers.round_trip(model, data, model.latent(n, seed=seed))


def show(look: PlaneSelection) -> None:
    """The film with the point on it, the point's ledger, and how exact all that is."""
    film = _film(look.model, min(look.n, MOST), look.seed, look.extent)
    picture, answer = st.columns([3, 1])
    with picture:
        stage(look, film, answer)
        st.caption(
            "Background: what the last layer adds to log p(x), log|det ∂hₖ₋₁/∂hₖ|. It is positive "
            f"where the layer {ink('model', 'squeezes')} the plane and the density rises, negative "
            f"where it {ink('noise', 'stretches')} it."
        )
        _details(look, film)
    with answer:
        trip = _round_trip(look.model, look.n, look.seed)
        worst = trip.data if trip.n_data else trip.latent
        told = (
            "The exported graphs in float32, there and back: "
            f"max |x − f(f⁻¹(x))| over {trip.n_data:,} data points is {trip.data:.1e}, "
            f"max |z − f⁻¹(f(z))| over {trip.n_latent:,} draws of noise {trip.latent:.1e}."
        )
        st.metric("Round trip, largest error", f"{worst:.1e}", help=told)


def _details(look: PlaneSelection, film: flow_layers.LayersFilm) -> None:
    """What of the picture is computed, and what is drawn between."""
    few = f"The film follows the first {MOST} of {look.n:,} samples. "
    with st.expander("How this picture is made"):
        st.markdown(
            f"{few if look.n > MOST else ''}The samples' places after each layer are the model's; "
            "from one layer to the next they move on straight lines, for the eye alone. The "
            f"background is interpolated from {film.evaluated:,} evaluated points: at "
            f"{film.points.shape[1]:,} other ones it is within {film.error:.2f} nats in 95 of 100 "
            "cases."
        )


def offer(look: PlaneSelection) -> None:
    """Files of the samples and of the grid as the film shows them, layer by layer."""
    film = _film(look.model, min(look.n, MOST), look.seed, look.extent)
    frames = [f"layer{i / flow_layers.BETWEEN:g}" for i in range(len(film.points))]
    take_away(
        "Samples",
        f"{look.card.id}-{{}}-seed{look.seed}",
        f"{look.card.id} {look.card.check.sha256} {look.n} {look.seed} layers",
        lambda frame: {"h": film.points[frame], "grid": film.web[frame]},
        frames=frames,
        size=film.points.nbytes + film.web.nbytes,
    )


@st.fragment
@guarded()
def stage(look: PlaneSelection, film: flow_layers.LayersFilm, said: DeltaGenerator) -> None:
    """The film and the point on it, whose ledger is `said`; a drag runs this fragment alone."""
    data = catalogue.reference(look.card, look.n)
    start = {"x": first_point(data)}
    at = linked("layer_stage", points=start, frame_name="layer", count=len(film.points))
    probe = flows.ledger(look.model, at.points["x"])
    density = density_grid(look.model, look.extent, GRID)
    scene = flow_layers.layers_scene(film, probe, density, data, look.extent, look.scale)
    added = f"{sum(probe.log_det):+.3f}".replace("-", "−")
    told = "Positive: together they squeeze the plane around the point."
    sum_of_layers = Readout("Σ log|det| of the layers, nats", [added], "neutral", told)
    at.show(replace(scene, readouts=[number(look.card, probe), sum_of_layers]))
    with said:
        show_ledger(look.card, probe, places=True)
