"""GANs: the forger and the detective, and what each step of their game did."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard import controls, links, parts, services
from dashboard.components.scene import Scene
from dashboard.components.stage import peek, stage
from dashboard.figures import gans
from dashboard.figures.training import loss_chart
from dashboard.guard import guarded
from dashboard.theme import CHART, ink
from genlab.inference.sessions import heavy

Array = NDArray[np.float32]
GRID = 160

st.title("GANs")
st.markdown(
    f"A {ink('model', 'generator G')} turns {ink('noise', 'noise z')} into forgeries; a "
    f"{ink('critic', 'discriminator D')} says how likely each point is {ink('data', 'real')}. "
    "There is no density here: samples only."
)

left, right = st.columns([3, 2], vertical_alignment="bottom")
with left:
    card = controls.choose_model("gan", "decode", "critic")
with right:
    view = controls.choose("Look at", ["game", "training"], "gan_view")
picture = st.container()  # first what is seen, then what changes it: a phone shows both
with st.container(horizontal=True, gap="medium"):
    n = controls.whole("Forgeries", "gan_n", 100, 4_000, 1_500, 100)
    seed = controls.seed()

stamp = services.stamp(card.id)
extent = card.extent or services.WINDOW


@st.cache_data(max_entries=32, show_spinner=False)
def forgeries(model_id: str, stamp: str, n: int, seed: int) -> tuple[Array, Array, Array]:
    """Latents, their images, and the image of the latent grid."""
    model = services.open_model(model_id)
    z = model.latent(n, seed=seed)
    out = model.run("decode", z=np.concatenate([z, gans.WEB.reshape(-1, 2)]))["x"]
    return z, out[:n], out[n:]


@st.cache_data(max_entries=16, show_spinner=False)
def surface(model_id: str, stamp: str, extent: tuple[float, float, float, float]) -> Array:
    return gans.critique(services.open_model(model_id), extent, GRID)


@st.cache_resource(max_entries=8, show_spinner="Running every snapshot of the training …")
def training_film(model_id: str, stamp: str, n: int, seed: int) -> Scene:
    model = services.open_model(model_id)
    data = services.reference(model_id, stamp, n)
    with heavy():
        return gans.training_scene(model, model.latent(n, seed=seed), data, extent)


@st.fragment
@guarded()
def game() -> None:
    """The dragged latent point; a drag runs this fragment alone."""
    z, samples, web = forgeries(card.id, stamp, n, seed)
    state = peek("gan_stage", points={"z": links.point("z", (0.6, 0.4))})
    probe = gans.forge(services.open_model(card.id), links.settled(state.points["z"]))
    data = services.reference(card.id, stamp, n)
    left, answer = st.columns([3, 1])
    with left:
        st.caption("Drag the point in the plane of noise and watch where G sends it.")
        scene = gans.game_scene(
            surface(card.id, stamp, extent), data, z, samples, web, extent, probe
        )
        stage(scene, key="gan_stage")
        parts.tell_not_finite(samples)
    with answer:
        if probe.belief is not None:
            st.metric(
                "D(G(z))",
                f"{probe.belief:.3f}",
                help="The discriminator's belief that your G(z) is real.",
            )
        else:
            st.metric("critic's score of G(z)", f"{probe.critic:.3f}")
        st.markdown(
            f"{ink('noise', 'z')} = ({probe.z[0]:.2f}, {probe.z[1]:.2f})  \n"
            f"{ink('model', 'G(z)')} = ({probe.x[0]:.2f}, {probe.x[1]:.2f})"
        )
        st.caption(
            f"Log-odds {probe.critic:+.4f}. D = 0.5 means that D cannot tell: with perfect play it "
            "is 0.5 wherever there are data. Far from them nothing was ever seen, and what D says "
            "there means nothing."
            if probe.belief is not None
            else "This critic gives a score and not a probability: higher means more like data."
        )
    links.remember("z", probe.z)


with picture:
    if view == "game":
        game()
    else:
        parts.film(training_film(card.id, stamp, n, seed), key="gan_checkpoint")
        st.caption("Scrub the checkpoints: each was saved during the one training run.")

parts.badges(card, services.open_model(card.id).device, seed)
st.plotly_chart(
    loss_chart(card, CHART, "loss"),
    alt="Losses of generator and discriminator over the training steps.",
)
z, samples, _ = forgeries(card.id, stamp, n, seed)
parts.downloads(f"{card.id}-seed{seed}", {"x": samples, "z": z})
parts.about(card)
