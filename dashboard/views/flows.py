"""Flows: an exact likelihood, point by point, layer by layer, step by step of the training."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard import controls, links, parts, services
from dashboard.components.scene import Scene
from dashboard.components.stage import peek, stage
from dashboard.figures import flows
from dashboard.figures.density import SCALE_HELP, SCALES, Scale
from dashboard.figures.training import loss_chart
from dashboard.guard import guarded
from dashboard.theme import CHART, ink
from genlab.inference.density import log_prob_grid
from genlab.inference.sessions import heavy

Array = NDArray[np.float32]
Extent = tuple[float, float, float, float]
GRID = 200

st.title("Flows")
st.markdown(
    f"A flow bends {ink('noise', 'noise z')} into {ink('model', 'samples x')} with invertible "
    "layers, so every point has an exact likelihood: "
    r"$\log p(x) = \log \mathcal N(z; 0, I) + "
    r"\sum_k \log\left|\det \partial h_{k-1} / \partial h_k\right|$ "
    r"with $h_0 = z = f^{-1}(x)$ and $h_K = x$."
)

left, right = st.columns([3, 2], vertical_alignment="bottom")
with left:
    card = controls.choose_model("flow", "log_prob", "encode", "decode", "layers")
with right:
    view = controls.choose("Look at", ["density", "layers", "training"], "flow_view")
picture = st.container()  # first what is seen, then what changes it: a phone shows both
with st.container(horizontal=True, gap="medium"):
    n = controls.whole("Points", "flow_n", 100, 4_000, 1_500, 100)
    scale: Scale = controls.choose(
        "Colours",
        SCALES,
        "scale",
        help=" · ".join(f"**{name}**: {words}" for name, words in SCALE_HELP.items()),
    )
    seed = controls.seed()

stamp = services.stamp(card.id)
extent: Extent = card.extent or services.WINDOW


@st.cache_data(max_entries=16, show_spinner=False)
def density_grid(model_id: str, stamp: str, extent: Extent, size: int) -> Array:
    with heavy():
        return log_prob_grid(services.open_model(model_id), extent, size)


@st.cache_data(max_entries=32, show_spinner=False)
def clouds(model_id: str, stamp: str, n: int, seed: int) -> tuple[Array, Array]:
    """Samples of the flow, and the reference data pushed to its latent plane."""
    model = services.open_model(model_id)
    data = services.reference(model_id, stamp, n)
    return model.sample(n, seed=seed), model.run("encode", x=data)["z"]


@st.cache_resource(max_entries=8, show_spinner="Following the samples through the layers …")
def layers_film(model_id: str, stamp: str, n: int, seed: int) -> Scene:
    model = services.open_model(model_id)
    data = services.reference(model_id, stamp, n)
    with heavy():
        return flows.layers_scene(model, model.latent(n, seed=seed), data, extent)


@st.cache_resource(max_entries=8, show_spinner="Running every snapshot of the training …")
def training_film(model_id: str, stamp: str, n: int, seed: int, scale: Scale) -> Scene:
    model = services.open_model(model_id)
    data = services.reference(model_id, stamp, n)
    z = model.latent(n, seed=seed)
    with heavy():
        return flows.training_scene(model, z, data, extent, scale)


@st.fragment
@guarded()
def density() -> None:
    """The heat map and the ledger of one point; a drag runs this fragment alone."""
    truth = services.exactly(
        card.dataset,
        "log_prob",
        lambda exact: density_grid(exact.card.id, services.stamp(exact.card.id), extent, GRID),
    )
    samples, latent = clouds(card.id, stamp, n, seed)
    data = services.reference(card.id, stamp, n)
    first = (float(data[0, 0]), float(data[0, 1])) if len(data) else (0.0, 0.0)
    state = peek("flow_stage", points={"x": links.point("x", first)})
    probe = flows.ledger(services.open_model(card.id), links.settled(state.points["x"]))
    left, answer = st.columns([3, 1])
    with left:
        st.caption(
            "Click or drag anywhere in the plane of data: the ledger adds up log p(x) there."
        )
        scene = flows.density_scene(
            density_grid(card.id, stamp, extent, GRID),
            truth,
            data,
            samples,
            latent,
            extent,
            scale,
            probe,
        )
        stage(scene, key="flow_stage")
        parts.tell_not_finite(samples)
    with answer:
        ledger(probe)
        at = np.asarray([probe.x], dtype=np.float32)
        true = services.exactly(card.dataset, "log_prob", lambda exact: exact.log_prob(at)[0])
        if true is not None:
            st.caption(
                f"True log-density here: {true:.2f} nats (exact)."
                if np.isfinite(true)
                else "The true density here is zero (exact)."
            )
    links.remember("x", probe.x)


def sub(k: int) -> str:
    return str(k).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


def ledger(probe: flows.Ledger) -> None:
    """Log p(x) as a sum, layer by layer, all in nats."""
    st.metric("log p(x), nats", f"{probe.log_px:.3f}")
    rows = [f"| {ink('noise', 'log N(z; 0, I)')} | {probe.log_pz:+.3f} |"]
    rows += [
        f"| layer {k}: log\\|det ∂h{sub(k - 1)}/∂h{sub(k)}\\| | {value:+.3f} |"
        for k, value in zip(range(len(probe.log_det), 0, -1), probe.log_det, strict=True)
    ]
    total = probe.log_pz + sum(probe.log_det)
    rows.append(f"| **sum** | **{total:+.3f}** |")
    st.markdown("| from x back to z | nats |\n|---|---:|\n" + "\n".join(rows))
    st.caption(
        f"x = ({probe.x[0]:.2f}, {probe.x[1]:.2f}), z = ({probe.z[0]:.2f}, {probe.z[1]:.2f}). "
        f"There and back: |x − f(f⁻¹(x))| = {probe.round_trip:.1e}."
    )


with picture:
    if view == "density":
        density()
    elif view == "layers":
        parts.film(layers_film(card.id, stamp, n, seed), key="layer")
        st.caption(
            "Scrub or play: the states at the layers are the model's; between them, straight lines."
        )
    else:
        parts.film(training_film(card.id, stamp, n, seed, scale), key="flow_checkpoint")
        st.caption(
            "Each checkpoint was saved during the one training run. Colours share one scale: the "
            "trained model's."
        )

parts.badges(card, services.open_model(card.id).device, seed)
st.plotly_chart(
    loss_chart(card, CHART, "loss: −log p(x), nats"),
    alt="Negative log-likelihood over the training steps.",
)
samples, latent = clouds(card.id, stamp, n, seed)
parts.downloads(f"{card.id}-seed{seed}", {"x": samples, "data_z": latent})
parts.about(card)
