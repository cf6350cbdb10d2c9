"""Samples of a flow, drawn together or apart by the temperature."""

import streamlit as st

from dashboard.chapters.flows.images.shared import samples
from dashboard.components.sheet import Sheet
from dashboard.components.tiles import tiles
from dashboard.shared import controls
from dashboard.shared.guard import guarded
from dashboard.shared.images import ImageSelection, linked_picks, offer, remember_picks


@st.fragment
@guarded()
def show(look: ImageSelection) -> None:
    """Samples at a temperature; the slider runs this fragment alone."""
    place = st.container()
    words = (
        "z, as Gaussian noise, is multiplied by it: 100 % is the model itself; below, z stays "
        "closer to the origin; at 0 % all samples are the same."
    )
    temperature = controls.whole("Temperature, %", "temperature", 0, 150, 100, 5, words)
    z, x = samples(look.model, look.n, look.seed, temperature / 100)
    with place:
        sheet = Sheet.of(x, f"{look.n} samples", f"{look.n} images made by the flow.", smooth=False)
        start = linked_picks("flow_tiles", look.n, tile=0)
        remember_picks(tiles([sheet], key="flow_tiles", picks=start, enlarge=True))
        if temperature != 100:
            st.caption("These are not samples of the model, whose temperature is 100 %.")
    offer(look, {"x": x, "z": z}, "" if temperature == 100 else f"-temperature{temperature}")
