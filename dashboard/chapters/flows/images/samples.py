"""Samples of a flow, drawn together or apart by the temperature."""

import streamlit as st

from dashboard.chapters.flows.images.shared import samples
from dashboard.components.sheet import Sheet
from dashboard.components.tiles import tiles
from dashboard.plots.theme import ink
from dashboard.shared import controls
from dashboard.shared.guard import guarded
from dashboard.shared.images import ImageSelection, linked_picks, offer, remember_picks


@st.fragment
@guarded()
def show(look: ImageSelection) -> None:
    """Samples at a temperature; the slider runs this fragment alone."""
    place = st.container()
    words = (
        "The normal numbers behind z are multiplied with it: 100 % is the model, less is closer to "
        "the middle of its latent space, at 0 % all samples are one."
    )
    temperature = controls.whole("Temperature, %", "temperature", 0, 150, 100, 5, words)
    z, x = samples(look.model, look.n, look.seed, temperature / 100)
    with place:
        st.caption(
            f"Each tile is the image of one draw of {ink('noise', 'z')}. The flow's map is "
            "invertible; what is shown has lost the noise inside of a grey level, which was added "
            "to make an image a point of a density. Pick a tile to see it large; turn the "
            "temperature down and up."
        )
        sheet = Sheet.of(x, f"{look.n} samples", f"{look.n} images made by the flow.", smooth=False)
        start = linked_picks("flow_tiles", look.n, tile=0)
        remember_picks(tiles([sheet], key="flow_tiles", picks=start, enlarge=True))
        if temperature != 100:
            st.caption("At another temperature than 100 % these are no samples of the model.")
    offer(look, {"x": x, "z": z}, "" if temperature == 100 else f"-temperature{temperature}")
