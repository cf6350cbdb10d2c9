"""How many components: the best mixture of each number, judged by held-out points and by BIC."""

import numpy as np
import streamlit as st

from dashboard.chapters.fits import saving
from dashboard.chapters.fits.data import Sample
from dashboard.chapters.fits.mixture import on_line
from dashboard.chapters.fits.scenes import components as scenes
from dashboard.chapters.fits.scenes import mixture
from dashboard.chapters.fits.scenes.components import Sweep
from dashboard.components.scene import Scene
from dashboard.shared import parts
from dashboard.shared.compute import computed
from dashboard.shared.guard import guarded
from dashboard.shared.taken import Arrays, take_away
from genlab.fits.mixture import Mixture, Shape


@computed(entries=16, keep="resource", spinner="Fitting every number of components …")
def sweep_of(_sample: Sample, key: str, shape: Shape) -> tuple[Sweep, Scene]:
    """A mixture for each number of components, and their film."""
    found = scenes.sweep(_sample, shape)
    return found, scenes.scene(found, _sample, on_line(_sample))


@st.fragment
@guarded()
def show(sample: Sample, shape: Shape) -> None:
    """The film over the number of components, and what held-out points and BIC choose."""
    found, scene = sweep_of(sample, sample.key, shape)
    frame = min(parts.play(scene, key="components"), len(found.ks) - 1)
    bic, held = found.ks[found.by_bic], found.ks[found.by_held]
    told = f"BIC chooses **k = {bic}**; held-out points are likeliest at **k = {held}**"
    if sample.floor is not None:
        told += (
            f", {max(sample.floor - found.held[found.by_held], 0):.3f} nats below what is possible"
        )
    st.markdown(told + ". Each mixture is the best of three starts of EM.")
    if wrong := mixture.degenerate(found.mixtures[frame]):
        st.warning(f"{wrong}  \n{mixture.WHY}", icon=":material/compress:")


def offer(sample: Sample, shape: Shape) -> None:
    """A file of the curves, and the mixture that the film shows."""
    found, _ = sweep_of(sample, sample.key, shape)

    def at(frame: int) -> Arrays:
        one = found.mixtures[frame]
        rows = {"k": np.array(found.ks), "held": found.held, "train": found.train}
        rows |= {"bic": found.bic, "means": one.means}
        return rows | {"weights": one.weights, "covariances": one.covariances}

    name = f"{sample.name}-components-{shape}-n{found.n}"
    take_away(
        "Curves",
        f"{name}-{{}}-seed{sample.seed}",
        f"{name} {sample.key}",
        at,
        frames=[f"k{k}" for k in found.ks],
        columns=["k", "held", "train", "bic"],
    )
    steps, said = [f"k{k}" for k in found.ks], [f"k = {k}" for k in found.ks]

    def fit(frame: int) -> Mixture:
        return found.mixtures[frame]

    saving.offer(fit, sample, "mixture", shape, frames=steps, said=said)
