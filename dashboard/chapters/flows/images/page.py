"""Flows on images: samples, ways between them, there and back, and the likelihood of any image."""

import streamlit as st

from dashboard.chapters.flows.images import bits as flow_bits
from dashboard.chapters.flows.images import round_trip as flow_round
from dashboard.chapters.flows.images import samples as flow_samples
from dashboard.chapters.flows.images import surprise as flow_surprise
from dashboard.chapters.flows.images.shared import VERBS, drawn
from dashboard.components.sheet import Sheet, grey
from dashboard.plots.charts import loss_chart
from dashboard.plots.theme import CHART, STILL, ink
from dashboard.shared import catalogue, controls, parts
from dashboard.shared import latent_walk as walk
from dashboard.shared.images import Look, choose_model, offer

VIEWS = ["samples", "walk", "round trip", "bits", "surprise"]

st.title("Flows on images")
st.markdown(
    f"An invertible network bends {ink('noise', '784 random numbers')} into "
    f"{ink('model', '784 pixels')}, and back: so it can make images, and say of any image how "
    "likely it is, in bits per pixel."
)

left, right = st.columns([2, 3], vertical_alignment="bottom")
with right:
    view = controls.choose(
        "Look at",
        VIEWS,
        "image_flow_view",
        help="**samples**: with a temperature · **walk**: from one sample to another · **round "
        "trip**: a test image to z and back · **bits**: the likelihood of any image · "
        "**surprise**: what it says of images it has never seen",
    )
with left:
    card = choose_model("image_flow", *VERBS)
picture = st.container()  # first what is seen, then what changes it: a phone shows both
with st.container(horizontal=True, gap="medium"):
    many = view == "samples"
    n = controls.whole("Samples", "image_flow_n", 4, 100, 64, 4) if many else walk.OFFERED
    # The round trip draws nothing: it has no seed.
    seed = 0 if view == "round trip" else controls.seed()
look = Look(card, n, seed)
with picture:
    match view:
        case "samples":
            flow_samples.show(look)
        case "walk":
            z, x = drawn(look)
            alt = f"{look.n} images made by the flow."
            walk.show(look, Sheet(grey(x), "Samples", alt, columns=6))
            offer(look, {"x": x, "z": z})
        case "round trip":
            flow_round.show(look)
        case "bits":
            flow_bits.show(look)
        case _:
            flow_surprise.show(look)
parts.badges(card, catalogue.open_model(card.id).device, seed)
if card.history:
    st.plotly_chart(
        loss_chart(card, CHART, "loss: −log p(x), nats a pixel"),
        alt="Negative log-likelihood over the training steps.",
        config=STILL,
    )
parts.about(card)
