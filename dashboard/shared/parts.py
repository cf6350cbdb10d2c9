"""Pieces that every model page shows: badges, figures measured, provenance."""

import re
import time
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray
from streamlit import runtime

from dashboard.components.scene import Scene
from dashboard.plots.charts import loss_chart
from dashboard.plots.theme import STILL
from dashboard.shared import links
from genlab.contract.card import Card, Metric
from genlab.runtime.devices import Device
from genlab.runtime.inputs import say_not_finite

PAINTING = 0.15
"""Seconds in which a browser paints a picture, on a slow machine."""
CURVE = 270
"""Pixels of the training curves."""


def let_paint() -> None:
    """Wait until the browser has painted the picture: the charts under it take it longer."""
    if runtime.exists():
        time.sleep(PAINTING)


def badges(card: Card, device: Device, seed: int) -> None:
    """Which model, which device it really ran on, which seed: in one line under the picture."""
    asked = device.requested not in {device.granted, "auto"} or "memory" in device.reason
    note = f" (asked for {device.requested.upper()}: {device.reason})" if asked else ""
    with st.container(horizontal=True, gap="small"):
        st.badge(card.id, icon=":material/deployed_code:", color="gray")
        st.badge(card.kind, icon=":material/school:", color="gray")
        st.badge(device.granted.upper() + note, icon=":material/memory:", color="gray")
        st.badge(f"seed {seed}", icon=":material/casino:", color="gray")


def say_missing_verbs(card: Card, view: str, verbs: Sequence[str]) -> None:
    """Say why a view cannot show a model, and what would bring it."""
    st.info(
        f"**{view}** wants the verb {', '.join(f'`{verb}`' for verb in verbs)}, which "
        f"{links.plain(card.name)} "
        f"does not have: it has {', '.join(f'`{verb}`' for verb in sorted(card.verbs))}. Exported "
        "with it, the model is shown here too; the other views go without.",
        icon=":material/extension_off:",
    )


def tell_not_finite(
    x: NDArray[np.floating], name: str = "samples", so: str = "the picture leaves them out"
) -> None:
    """Say how many samples are not finite, where any are, and what the picture makes of them."""
    if told := say_not_finite(name, x):
        st.warning(f"{told}: {so}.", icon=":material/error:")


@st.fragment
def film(scene: Scene, key: str) -> None:
    """A scene with a timeline; the frame at which it rests is the link's parameter `key`."""
    play(scene, key)


def play(scene: Scene, key: str, more: str = "") -> int:
    """As `film`, in a fragment of the caller's own; `more` as in `stage`. The frame of its rest."""
    count = scene.timeline.count if scene.timeline else 1
    return links.linked(f"{key}_stage", frame_name=key, count=count).show(scene, more=more).frame


def chart(figure: go.Figure, alt: str, key: str | None = None) -> None:
    """A chart that stays as it is drawn; `alt` says in words what it shows and names its file."""
    name = re.sub(r"[^a-z0-9]+", "-", alt.lower()).strip("-")[:60]
    file = {"toImageButtonOptions": {"format": "svg", "filename": name}}
    st.plotly_chart(figure, alt=alt, key=key, config=STILL | file)


def losses(card: Card, axis: str, alt: str, ready: bool = True) -> None:
    """The training curves of a card, in a place that is kept for them until a picture is `ready`.

    They come last of all: a chart keeps a browser busy for as long as all the rest.
    """
    with st.container(height=CURVE, border=False):
        if ready:
            chart(loss_chart(card, axis), alt)


def about(card: Card) -> None:
    """The figures measured on the exported graph, with protocol, and where the model came from."""
    with st.expander("What was measured, and where this model comes from"):
        if card.metrics:
            wide = {"protocol": st.column_config.TextColumn(width="large")}
            st.dataframe(list(map(_row, card.metrics)), hide_index=True, column_config=wide)
        else:
            st.caption("Nothing has been measured on this model yet.")
        st.markdown(_origin(card))
        st.markdown("\n".join(f"- {links.cited(reference)}" for reference in card.references))
        st.json({"recipe": card.recipe, "parity": card.parity}, expanded=False)


def _origin(card: Card) -> str:
    """Where a model comes from; of a packed one what its maker said of its training."""
    origin = card.provenance
    day, took = (
        origin.created[:10],
        f"{origin.seconds / 60:.1f} min, {links.plain(origin.hardware)}",
    )
    if card.kind != "trained":
        return f"Exact: nothing is trained. Exported {day} by {links.code(origin.command)}."
    if "packed" in card.recipe:
        told = f"Trained elsewhere ({took})" if origin.seconds else "Its training is not described"
        return f"Packed {day} by {links.code(origin.command)}. {told}."
    digits, plus, changes = origin.git_commit.partition("+")
    return (
        f"Trained by {links.code(origin.command)} (seed {origin.seed}, {took}), exported {day}, "
        f"code of commit {links.code(digits[:10] + plus + changes)}."
    )


def _row(metric: Metric) -> dict[str, object]:
    error = f" ± {metric.stderr:.2g}" if metric.stderr else ""
    return {
        "figure": metric.name,
        "value": f"{metric.value + 0.0:.4g}{error}",
        "on": f"{metric.n:,} {metric.split}" if metric.n else metric.split,
        "protocol": metric.protocol,
    }
