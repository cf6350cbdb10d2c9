"""The game: a latent point is dragged, the generator moves it, the discriminator judges it."""

from collections.abc import Iterable
from dataclasses import replace

import streamlit as st

from dashboard.chapters.gans.scenes.game import Judgement, critique, game_scene, judge
from dashboard.chapters.gans.shared import drawn
from dashboard.components.readout import Readout
from dashboard.shared import catalogue, parts
from dashboard.shared.ahead import AHEAD
from dashboard.shared.compute import computed
from dashboard.shared.guard import guarded
from dashboard.shared.links import linked
from dashboard.shared.refining import Refining, refining
from dashboard.shared.selection import COARSE, GRID, PlaneSelection

STAGE = "gan_stage"
NOISE = (0.6, 0.4)  # where the latent point stands at first
_surface = computed(entries=64)(critique)


def levels(look: PlaneSelection) -> Refining:
    """A coarse surface, and the whole one."""
    least = 1 if AHEAD.made(STAGE, look) else 0
    return refining(STAGE, look.card, levels=("coarse", "whole"), at_least=least)


def plan(looks: Iterable[PlaneSelection]) -> None:
    """Make what the stage shows of other GANs, while nobody computes."""
    AHEAD.plan(STAGE, looks, make)


def make(look: PlaneSelection) -> None:
    """Fill the caches that the stage reads."""
    drawn(look)
    judge(look.model, NOISE)
    catalogue.reference(look.card, look.n)
    _surface(look.model, look.extent, GRID)


@st.fragment
@guarded()
def show(look: PlaneSelection) -> None:
    """The dragged latent point, on a surface coarse at first; a drag runs this fragment alone."""
    model, extent = look.model, look.extent
    z, samples, web = drawn(look)
    at = linked(STAGE, points={"z": NOISE})
    probe = judge(model, at.points["z"])
    data = catalogue.reference(look.card, look.n)
    picture = levels(look)
    surface = _surface(model, extent, GRID if picture.last else COARSE)
    scene = game_scene(surface, data, z, samples, web, extent, probe)
    left, answer = st.columns([3, 1])  # all is computed: the browser is told in one go
    with left:
        at.show(replace(scene, readouts=numbers(probe)), more=picture.more)
        parts.tell_not_finite(samples)
    with answer:
        st.caption(_words(probe))
    picture.show_rest()


def numbers(probe: Judgement) -> list[Readout]:
    """What the two networks make of the point."""
    z, x = (f"({at[0]:.2f}, {at[1]:.2f})".replace("-", "−") for at in (probe.z, probe.x))
    name, value = "score of G(z)", probe.critic
    if probe.belief is not None:
        name, value = "D(G(z))", probe.belief
    told = "The discriminator's output at G(z). What it means is said beside the picture."
    return [
        Readout("z", [z], "noise"),
        Readout("G(z)", [x], "model"),
        Readout(name, [f"{value:.3f}".replace("-", "−")], "critic", told),
    ]


def _words(probe: Judgement) -> str:
    half = (
        "D = 0.5 means that D cannot tell. Against a perfect generator the best D is 0.5 wherever "
        "there are data; far from data and samples it was never trained."
    )
    match probe.judged:
        case "logit":
            return f"Log-odds {probe.critic:+.4f}. {half}"
        case "target":
            return (
                f"Score {probe.critic:+.4f}: least squares trains it towards 1 on data and 0 on "
                f"samples, so it estimates the probability D. {half}"
            )
        case "margin":
            return (
                f"Score {probe.critic:+.4f}, not a probability: training pushes it beyond +1 on "
                "data and beyond −1 on samples, no further. Higher means more like data."
            )
    return (
        "This discriminator gives a score, not a probability: it is trained on pairs, and only the "
        "difference between a data point and a sample counts. Higher means more like data."
    )
