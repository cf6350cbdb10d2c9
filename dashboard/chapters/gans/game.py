"""The game: a latent point is dragged, the generator sends it somewhere, the critic judges."""

from dataclasses import replace

import streamlit as st

from dashboard.chapters.gans.scenes.game import Forgery, critique, forge, game_scene
from dashboard.chapters.gans.shared import forgeries
from dashboard.components.readout import Readout
from dashboard.shared import catalogue, parts
from dashboard.shared.compute import computed
from dashboard.shared.guard import guarded
from dashboard.shared.links import linked
from dashboard.shared.refining import refining
from dashboard.shared.selection import COARSE, GRID, PlaneSelection

STAGE = "gan_stage"
_surface = computed(entries=16)(critique)


@st.fragment
@guarded()
def show(look: PlaneSelection) -> None:
    """The dragged latent point, on a surface coarse at first; a drag runs this fragment alone."""
    model, extent = look.model, look.extent
    z, samples, web = forgeries(look)
    at = linked(STAGE, points={"z": (0.6, 0.4)})
    probe = forge(model, at.points["z"])
    data = catalogue.reference(look.card, look.n)
    picture = refining(STAGE, look.card, levels=("coarse", "whole"))
    left, answer = st.columns([3, 1])
    with left:
        st.caption("Drag the point in the plane of noise and watch where G sends it.")
        surface = _surface(model, extent, GRID if picture.last else COARSE)
        scene = game_scene(surface, data, z, samples, web, extent, probe)
        at.show(replace(scene, readouts=numbers(probe)), more=picture.more)
        parts.tell_not_finite(samples)
    with answer:
        st.caption(_words(probe))


def numbers(probe: Forgery) -> list[Readout]:
    """What the two networks make of the point."""
    z, x = (f"({at[0]:.2f}, {at[1]:.2f})".replace("-", "−") for at in (probe.z, probe.x))
    name, value = "score of G(z)", probe.critic
    if probe.belief is not None:
        name, value = "D(G(z))", probe.belief
    told = "What the discriminator says of your point: see beside the picture."
    return [
        Readout("z", [z], "noise"),
        Readout("G(z)", [x], "model"),
        Readout(name, [f"{value:.3f}".replace("-", "−")], "critic", told),
    ]


def _words(probe: Forgery) -> str:
    half = (
        "D = 0.5 means that D cannot tell: with perfect play it is 0.5 wherever there are data. "
        "Far from them nothing was ever seen, and what D says there means nothing."
    )
    match probe.judged:
        case "logit":
            return f"Log-odds {probe.critic:+.4f}. {half}"
        case "target":
            return (
                f"Score {probe.critic:+.4f}: least squares trains it towards 1 on data and 0 on "
                f"forgeries, so that it estimates D itself. {half}"
            )
        case "margin":
            return (
                f"Score {probe.critic:+.4f}, no probability: training pushes it beyond +1 on data "
                "and beyond −1 on forgeries, and what is past that no more. Higher means more like "
                "data."
            )
    return (
        "This critic gives a score and not a probability: it judges pairs, and only the difference "
        "between a real point and a forged one counts. Higher means more like data."
    )
