"""How many bins: the held-out log-likelihood along k, or along the bandwidth of a kernel."""

import numpy as np
import streamlit as st

from dashboard.chapters.fits.data import Sample
from dashboard.chapters.fits.density import SMOOTHING
from dashboard.chapters.fits.scenes import bins as scenes
from dashboard.chapters.fits.scenes.bins import Sweep
from dashboard.chapters.fits.scenes.density import nats
from dashboard.components.scene import Scene
from dashboard.shared import parts
from dashboard.shared.compute import computed
from dashboard.shared.guard import guarded
from dashboard.shared.taken import Arrays, take_away
from genlab.fits.kernel import scott

FRAMES = {"histogram": "bins", "kernel": "width"}
"""The link's names of the frame: bins and bandwidths are told apart."""


@computed(entries=16, keep="resource", spinner="Fitting every setting …")
def sweep_of(_sample: Sample, key: str, by: str, smoothing: float) -> tuple[Sweep, Scene]:
    """All fits along the setting, and their film; it begins at the best of them."""
    found = scenes.sweep(_sample, by, smoothing)
    return found, scenes.scene(found, _sample, found.best)


@st.fragment
@guarded()
def show(sample: Sample, by: str, smoothing: float) -> None:
    """The film over the settings, and where its curve is highest."""
    found, scene = sweep_of(sample, sample.key, by, smoothing)
    parts.play(scene, key=FRAMES[by])
    best = found.best
    top = found.scores[best]
    with_a = f", with a = {SMOOTHING[f'{smoothing:g}']}," if by == "histogram" else ""
    told = f"Held-out points are likeliest{with_a} at **{found.words[best]}**: {nats(top.held)}"
    told += f" ± {top.error:.3f} nats" if np.isfinite(top.held) else " nats"
    if sample.floor is not None:
        told += f", {max(sample.floor - top.held, 0):.3f} below what is possible"
    if by == "kernel":
        told += f". Scott's rule says h = {scott(sample.train):.3g}"
    if found.ends is not None and by == "histogram":
        told += (
            f". From {found.words[found.ends]} on some of the {found.scores[0].m:,} held-out "
            "points fall into empty bins: p = 0 there, **their mean log p is −∞**, and the curve "
            "ends. With a = ½ or 1 no bin is empty"
        )
    if found.outside:
        told += (
            f". {found.outside:,} of {len(sample.held):,} held-out points lie outside of the "
            "window, where every histogram is 0, and are left out here"
        )
    st.markdown(told + ".")


def offer(sample: Sample, by: str, smoothing: float) -> None:
    """A file of the curves."""

    def at(_: int) -> Arrays:
        found, _scene = sweep_of(sample, sample.key, by, smoothing)
        rows = {"setting": np.array(found.values)}
        rows |= {"held": np.array([one.held for one in found.scores])}
        rows |= {"zero_share": np.array([one.none for one in found.scores])}
        rows |= {"train": np.array([one.train for one in found.scores])}
        return rows

    which = f"{by}-a{smoothing:g}" if by == "histogram" else by
    name = f"{sample.name}-{which}-curve-n{len(sample.train)}-seed{sample.seed}"
    take_away("Curves", name, f"{name} {sample.key}", at)
