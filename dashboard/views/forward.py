"""Forward diffusion: the exact law of the data on its way to noise, and the kernel of one point."""

from collections.abc import Callable

import numpy as np
import streamlit as st

from dashboard import controls, links, parts, services
from dashboard.components.stage import peek, stage
from dashboard.figures import denoising, diffused, diffusion, forward
from dashboard.guard import guarded
from dashboard.theme import ink
from genlab.inference.sessions import heavy

st.title("Forward diffusion")
st.markdown(
    f"{ink('data', 'Data')} fade, {ink('noise', 'noise')} grows: "
    + r"$q(x_t \mid x_0) = \mathcal N\big($"
    + ink("data", r"$\sqrt{\bar\alpha_t}\,x_0$")
    + r"$,\;$"
    + ink("noise", r"$(1-\bar\alpha_t)\,I$")
    + r"$\big)$. The law "
    + ink("data", r"$q(x_t)$")
    + r"$\;=\int$"
    + ink("data", r"$q(x_0)$")
    + r"$\,q(x_t \mid x_0)\,dx_0$ is that of the data, shrunk and blurred."
)

left, right = st.columns([2, 3], vertical_alignment="bottom")
with left:
    card = controls.choose_truth("dataset", "log_prob_t", "decode")
dim = card.event_shape[0]
schedules = card.constants.schedules or {"card": card.constants.log_snr or []}
names = sorted(schedules)
with right, st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
    if dim == 1:
        names = [controls.choose("Schedule", names, "schedule")]
    seed = controls.seed()

stamp = services.stamp(card.id)
extent = denoising.plane(card)
stage_key = f"forward{dim}_stage"


@st.cache_resource(max_entries=64, show_spinner=False)
def film(
    model_id: str, stamp: str, schedule: str, seed: int, coarse: bool, _stop: Callable[[], bool]
) -> diffused.Film:
    levels = np.asarray(schedules[schedule])
    model = services.open_model(model_id)
    with heavy():
        return diffused.film(model, schedule, levels, extent, seed, _stop, coarse)


@st.cache_resource(max_entries=1, show_spinner=False)
def seen() -> set[str]:
    """Whole films that this process has made: they need no coarse one before them."""
    return set()


def films_of(coarse: bool) -> list[diffused.Film]:
    stop = services.watcher()
    return [film(card.id, stamp, name, seed, coarse, stop) for name in names[:2]]


whole = f"{card.id} {stamp} {names[:2]} {seed}"
ready = dim == 1 or whole in seen()
films = films_of(coarse=not ready)


@st.fragment
@guarded()
def picture() -> None:
    """The film with the kernel of the dragged point; a drag runs this fragment alone.

    A coarse film comes first. As soon as it is painted the whole one is made, and the page is shown
    with it.
    """
    if not ready and peek(stage_key).more == whole:
        films_of(coarse=False)
        seen().add(whole)
        st.rerun()
    count = len(films[0].t)
    data = films[0].samples[0]
    default = links.settled((float(data[0, 0]), float(data[0, 1]) if dim == 2 else 0.0))
    state = peek(stage_key, points={"x": links.point("x0", default)}, count=count)
    at = links.settled(state.points["x"])
    at = (
        min(max(at[0], extent[0]), extent[1]),
        min(max(at[1], extent[2]), extent[3]) if dim == 2 else 0.0,
    )
    shown, answer = st.columns([3, 1])
    with shown:
        st.caption("Drag x₀, and scrub or play t: how long is the point remembered?")
        scene = forward.forward_scene(card, films, at[:dim], extent, seed)
        state = stage(scene, key=stage_key, more="" if ready else whole)
    with answer:
        table(state.frame, at[:dim])
    links.remember("x0", at)


def table(frame: int, x0: tuple[float, ...]) -> None:
    """The numbers of the frame at which the timeline rests, a column for each schedule."""
    columns = [forward.numbers(card, one, frame, x0) for one in films]
    heads = " | ".join(f"**{one.schedule}**" for one in films)
    lines = [f"| t = {films[0].t[frame]:,} | {heads} |", "|---|" + "---:|" * len(films)]
    for name, role in forward.ROWS.items():
        cells = " | ".join(column[name] for column in columns)
        lines.append(f"| {ink(role, name) if role else name} | {cells} |")
    st.markdown("\n".join(lines))
    for one in films if ready else []:
        since = forward.noise_from(one)
        st.caption(
            f"On the {one.schedule} schedule q(xₜ) is within {forward.GAUSSIAN} nats of pure noise "
            f"from t = {since:,} on."
            if since is not None
            else f"On the {one.schedule} schedule q(xₜ) is still {one.kl[-1]:.2g} nats from pure "
            "noise at T."
        )


picture()
st.caption(
    "Everything here is exact: the law of the data is known, so q(xₜ) and its divergence from "
    "noise are computed, not learned (the divergence by a sum over cells; left out where these "
    "miss a hundredth of the mass). In the plane the picture is blurred by half a cell, so that no "
    "mode falls between two of them. Means and widths are in data units."
)
parts.badges(card, services.open_model(card.id).device, seed)
charts = st.columns(3)
with charts[0]:
    st.plotly_chart(
        diffusion.schedule_chart(schedules),
        alt="The share of signal over t, for each noise schedule.",
    )
with charts[1]:
    st.plotly_chart(
        forward.snr_chart(schedules),
        alt="The logarithm of the signal-to-noise ratio over t, for each noise schedule.",
    )
with charts[2]:
    st.plotly_chart(
        forward.kl_chart(films),
        alt="How many nats the diffused density is from noise, over t.",
    )
parts.downloads(
    f"{card.dataset}-noised-seed{seed}",
    {"x": films[0].samples[len(films[0].t) // 2], "x0": films[0].samples[0]},
)
parts.about(card)
