"""A flow at each snapshot of its training, and how Gaussian it makes the data."""

import streamlit as st

from dashboard.chapters.flows.scenes.training import Normality, normality_chart, training_scene
from dashboard.components.scene import Scene
from dashboard.plots.shading import Scale
from dashboard.shared import catalogue, parts
from dashboard.shared.compute import computed
from dashboard.shared.selection import PlaneSelection
from genlab.measures.density import Extent
from genlab.model import ExportedModel


@computed(entries=8, keep="resource", spinner="Running every snapshot of the training …")
def _film(
    model: ExportedModel, n: int, seed: int, extent: Extent, scale: Scale
) -> tuple[Scene, Normality | None]:
    data = catalogue.reference(model.card, n)
    return training_scene(model, model.latent(n, seed=seed), data, extent, scale)


def show(look: PlaneSelection) -> None:
    """The film of the checkpoints, and the normality of the encoded data below it."""
    if not look.card.snapshots:
        words = "This model was exported without snapshots of its training."
        st.info(words, icon=":material/info:")
        return
    scene, judged = _film(look.model, look.n, look.seed, look.extent, look.scale)
    parts.film(scene, key="flow_checkpoint")
    st.caption(
        "Each checkpoint was saved during the one training run. Colours share one scale: the "
        "trained model's."
    )
    if judged is None:
        return
    alt = "Energy distance of the encoded data to the Gaussian over the training steps, above "
    parts.chart(normality_chart(judged), alt + "the band of true Gaussian samples.")
    st.caption(verdict(judged))


def verdict(judged: Normality) -> str:
    """What the last snapshot scores, and what a Gaussian sample of the same size does."""
    (low, high), last = judged.band, judged.scores[-1]
    inside = (
        "no further from N(0, I) than samples of N(0, I) itself are"
        if last <= high
        else "further from N(0, I) than chance allows: something is not learned, or cannot be"
    )
    return (
        f"Energy distance D² of the first {judged.n:,} encoded data points to N(0, I) (an estimate "
        f"from samples; zero only for N(0, I) with ever more points). {len(judged.null)} samples "
        f"of N(0, I) with as many points score {judged.mean:.1e} on average and {low:.1e} to "
        f"{high:.1e} in 90 of 100 cases (band); {judged.beyond} of them score more than the "
        f"trained flow's {last:.1e}, which is {inside}. More points would show smaller faults."
    )
