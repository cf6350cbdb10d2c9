"""A flow at each checkpoint of its training, and how Gaussian it makes the data."""

import streamlit as st

from dashboard.chapters.flows.scenes.training import Normality, normality_chart, training_scene
from dashboard.components.scene import Scene
from dashboard.plots.shading import Scale
from dashboard.shared import catalogue, parts
from dashboard.shared.compute import computed
from dashboard.shared.selection import PlaneSelection
from dashboard.shared.taken import Arrays, take_away
from genlab.measures.density import Extent
from genlab.model import ExportedModel


@computed(entries=8, keep="resource", spinner="Running every checkpoint of the training …")
def _film(
    model: ExportedModel, n: int, seed: int, extent: Extent, scale: Scale
) -> tuple[Scene, Normality | None]:
    data = catalogue.reference(model.card, n)
    return training_scene(model, model.latent(n, seed=seed), data, extent, scale)


def show(look: PlaneSelection) -> None:
    """The film of the checkpoints, and the normality of the encoded data below it."""
    if not look.card.snapshots:
        words = "This model was exported without checkpoints of its training."
        st.info(words, icon=":material/info:")
        return
    scene, judged = _film(look.model, look.n, look.seed, look.extent, look.scale)
    parts.film(scene, key="flow_checkpoint")
    st.caption("Checkpoints of one training run. All share the trained model's colour scale.")
    if judged is None:
        return
    alt = "Energy distance of the encoded data to the Gaussian over the training steps, above "
    parts.chart(normality_chart(judged), alt + "the band of true Gaussian samples.")
    st.caption(verdict(judged))
    with st.expander("How the distance is measured"):
        st.markdown(protocol(judged))


def verdict(judged: Normality) -> str:
    """What the last checkpoint scores, and what a Gaussian sample of the same size does."""
    high, last = judged.band[1], judged.scores[-1]
    inside = (
        "no further from N(0, I) than samples of N(0, I) itself are"
        if last <= high
        else "further from N(0, I) than chance allows: something is not learned, or cannot be"
    )
    return f"At the end D² = {last:.1e}: the data pushed to z are {inside}."


def protocol(judged: Normality) -> str:
    """How D² was estimated, and what chance alone gives."""
    low, high = judged.band
    return (
        f"D² is the energy distance to N(0, I) of the first {judged.n:,} data points pushed to z, "
        f"an estimate from samples. {len(judged.null)} samples of N(0, I) with as many points "
        f"score {judged.mean:.1e} on average and {low:.1e} to {high:.1e} in 90 of 100 cases (the "
        f"band); {judged.beyond} of them score more than the trained flow. More points would show "
        "smaller faults."
    )


def offer(look: PlaneSelection) -> None:
    """Files of the checkpoint that the film shows: samples, their noise, the data pushed to z."""
    data, card, model = catalogue.reference(look.card, look.n), look.card, look.model

    def at(frame: int) -> Arrays:
        then = model.at(card.steps[frame])
        x, z = then.sample(look.n, seed=look.seed), model.latent(look.n, seed=look.seed)
        return {"x": x, "z": z, "data_z": then.encode(data)}

    steps = [f"step{step}" for step in card.steps]
    print = f"{card.id} {card.check.sha256} {look.n} {look.seed} training"
    take_away("Samples", f"{card.id}-{{}}-seed{look.seed}", print, at, frames=steps)
