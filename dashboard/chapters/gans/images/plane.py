"""A plane through three latents: drag the point, and the generator follows."""

import numpy as np
import streamlit as st

from dashboard.chapters.gans.images.shared import drawn, held_out, sheet
from dashboard.chapters.gans.scenes.epochs import plane_mosaic, signed, verdicts
from dashboard.components.scene import Handle, Heatmap, Layer, Marker, Pane, Scene
from dashboard.components.sheet import Sheet
from dashboard.components.tiles import peek_tiles, tiles
from dashboard.plots.latent_walks import CORNERS, PLANE, on_plane, raster, weights
from dashboard.shared.compute import computed
from dashboard.shared.guard import guarded
from dashboard.shared.images import ImageSelection, linked_picks, remember_picks
from dashboard.shared.links import linked, point
from dashboard.shared.taken import take_arrays
from genlab.model import Array

CELLS = 9
FIRST = (0.5, 0.29)
"""Where the point begins: amid the three corners."""


@st.fragment
@guarded()
def show(look: ImageSelection) -> None:
    """The plane with its image, and the corners to pick; a pick runs this fragment alone."""
    start = linked_picks("plane_picks", look.n, A=0, B=1, C=2)
    picked = peek_tiles("plane_picks", n=look.n, picks=start)
    _drag(look, tuple(picked.picks.values()))
    corners = sheet(look, "Samples: pick the corners A, B and C", columns=12)
    tiles([corners], key="plane_picks", picks=start, max_width=900)
    with st.expander("What the number is, and how z is mixed"):
        st.caption(
            f"{drawn(look)[2].explained} Between the corners z is scaled to their mean length, so "
            "that it stays where noise of so many dimensions lies."
        )
    remember_picks(picked)


@st.fragment
@guarded()
def _drag(look: ImageSelection, corners: tuple[int, ...]) -> None:
    """The plane, the point on it, and its image; a drag runs this fragment alone."""
    # The link's point is judged here: one that is far outside of the plane is none.
    asked = point("at", FIRST, bound=2)
    stage = linked("plane_stage", points={"at": asked}, read=False)
    at = stage.points["at"]
    mosaic, z, zero = _map(look, corners)
    x = look.model.decode(on_plane(look.card, z, np.array([at])))
    judged = "critic" in look.card.verbs
    score = [signed(float(look.model.critic(x.clip(0, 1))[0]) - zero)] if judged else []
    picture, answer = st.columns([3, 2])
    with picture:
        stage.show(_scene(mosaic, at))
        if look.card.space.channels != 1:
            st.caption("The mosaic shows how light each image is; beside it in colour.")
    with answer:
        looks = {"captions": score, "role": "critic", "smooth": True}
        one = Sheet.of(x, "G(z) of the point", "The image of the point.", **looks)
        tiles([one], key="plane_image", max_width=320)
        a, b, c = weights(np.array(at))
        st.markdown(f"z ∝ {a:+.2f} A {b:+.2f} B {c:+.2f} C".replace("-", "−"))
        here = on_plane(look.card, z, np.array([at]))
        corner = "-".join(str(tile + 1) for tile in corners)
        name = f"{look.file}-plane-{corner}-at{at[0]:.3f},{at[1]:.3f}-seed{look.seed}"
        take_arrays("Image", name, {"x": x, "z": here})


# A resource: what each drag needs is shared and not copied.
@computed(keep="resource")
def _map(look: ImageSelection, corners: tuple[int, ...]) -> tuple[Array, Array, float]:
    """The plane as a mosaic of images, its corners [3, latent], and the zero of the scores."""
    z = look.model.latent(look.n, seed=look.seed)[list(corners)]
    x = look.model.decode(on_plane(look.card, z, raster(CELLS).reshape(-1, 2)))
    return plane_mosaic(x, CELLS), z, verdicts(look.model, x, held_out(look.card)).zero


def _scene(mosaic: Array, at: tuple[float, float]) -> Scene:
    corners = zip("ABC", CORNERS, strict=True)
    layers: list[Layer] = [
        Heatmap(mosaic, "grey", "G(z) on a raster", smooth=False),
        *(Marker(place, "noise", name, text=name) for name, place in corners),
        Handle("at", at, "accent", "your z"),
    ]
    alt = "A plane of latents as a mosaic of their images, with three corners and a point to drag."
    title = "The plane through A, B and C"
    return Scene([Pane(title, PLANE, layers, alt, pick="at", axes=False)])
