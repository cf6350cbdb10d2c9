"""Forward diffusion: the exact law of the data on its way to noise, and the kernel of one point."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import streamlit as st

from dashboard.chapters.diffusion.scenes import diffused_density as diffused
from dashboard.chapters.diffusion.scenes import forward
from dashboard.chapters.diffusion.scenes import reverse_step as denoising
from dashboard.chapters.diffusion.scenes import trajectory as diffusion
from dashboard.components.stage import peek, stage
from dashboard.plots.theme import STILL, ink
from dashboard.shared import catalogue, controls, links, parts
from dashboard.shared.guard import guarded
from genlab.contract.card import Card
from genlab.runtime.sessions import heavy

# What the stage shows, one after the other; the last has the divergences from noise.
LEVELS = ("coarse", "whole", "measured")

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


@st.cache_resource(max_entries=96, show_spinner=False)
def film(
    model_id: str, stamp: str, schedule: str, seed: int, level: str, _stop: Callable[[], bool]
) -> diffused.Film:
    """The film of one schedule at one of `LEVELS`."""
    model = catalogue.open_model(model_id)
    extent = denoising.plane(model.card)
    if level == "measured":
        whole = film(model_id, stamp, schedule, seed, "whole", _stop)
        with heavy():
            return diffused.measured(model, whole, extent, _stop)
    levels = np.asarray(catalogue.schedules_of(model.card)[schedule])
    with heavy():
        return diffused.film(model, schedule, levels, extent, seed, _stop, level == "coarse")


@st.cache_resource(max_entries=1, show_spinner=False)
def made() -> set[str]:
    """Measured films that this process has made: they need nothing coarser before them."""
    return set()


@dataclass(frozen=True)
class Shown:
    """What is looked at: an exact model, one schedule or two, and a seed."""

    card: Card
    names: tuple[str, ...]
    seed: int

    @property
    def name(self) -> str:
        """What the stage calls it."""
        return f"{self.card.id} {catalogue.stamp(self.card.id)} {self.names} {self.seed}"

    @property
    def known(self) -> int:
        """The level that nobody needs to wait for, when the page is opened."""
        line = self.card.event_shape == (1,)
        return LEVELS.index("measured") if line or self.name in made() else 0

    def films(self, level: int) -> list[diffused.Film]:
        """A film for each schedule."""
        card, stop = self.card, catalogue.watcher()
        stamp = catalogue.stamp(card.id)
        return [film(card.id, stamp, name, self.seed, LEVELS[level], stop) for name in self.names]


@st.fragment
@guarded()
def body() -> None:
    """All that depends on a choice: other data run this alone, not the page's head again."""
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    with left:
        card = controls.choose_truth("dataset", "log_prob_t", "decode")
    names = sorted(catalogue.schedules_of(card))
    with right, st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        if card.event_shape == (1,):
            names = [controls.choose("Schedule", names, "schedule")]
        seed = controls.seed()
    shown = Shown(card, tuple(names[:2]), seed)
    picture(shown)
    parts.let_paint()
    st.caption(
        "Everything here is exact: the law of the data is known, so q(xₜ) and its divergence from "
        "noise are computed, not learned (the divergence by a sum over cells; left out where these "
        "miss a hundredth of the mass). In the plane the picture is blurred by half a cell, so "
        "that no mode falls between two of them. Means and widths are in data units."
    )
    parts.badges(card, catalogue.open_model(card.id).device, seed)
    films = shown.films(shown.known)
    told = (
        (
            diffusion.schedule_chart(catalogue.schedules_of(card)),
            "The share of signal over t, for each noise schedule.",
        ),
        (
            forward.snr_chart(catalogue.schedules_of(card)),
            "The logarithm of the signal-to-noise ratio over t, for each noise schedule.",
        ),
        (forward.kl_chart(films), "How many nats the diffused density is from noise, over t."),
    )
    for place, (chart, words) in zip(st.columns(3), told, strict=True):
        place.plotly_chart(chart, alt=words, config=STILL)
    parts.downloads(
        f"{card.dataset}-noised-seed{seed}",
        {"x": films[0].samples[len(films[0].t) // 2], "x0": films[0].samples[0]},
    )
    parts.about(card)


@st.fragment
@guarded()
def picture(shown: Shown) -> None:
    """The film with the kernel of the dragged point; a drag runs this fragment alone.

    A coarse film comes first. As soon as it is painted the whole one is made and drawn; then its
    divergences, and the page is shown with them.
    """
    card, dim = shown.card, shown.card.event_shape[0]
    key, extent = f"forward{dim}_stage", denoising.plane(shown.card)
    asked = [f"{shown.name} {level}" for level in LEVELS]
    said = peek(key).more
    level = max(shown.known, asked.index(said) if said in asked else 0)
    films = shown.films(level)
    if LEVELS[level] == "measured" and not shown.known:
        made().add(shown.name)
        st.rerun()  # charts and words under the picture wait for it
    count = len(films[0].t)
    data = films[0].samples[0]
    default = links.settled((float(data[0, 0]), float(data[0, 1]) if dim == 2 else 0.0))
    state = peek(key, points={"x": links.point("x0", default)}, count=count)
    at = links.settled(state.points["x"])
    at = (
        min(max(at[0], extent[0]), extent[1]),
        min(max(at[1], extent[2]), extent[3]) if dim == 2 else 0.0,
    )
    left, answer = st.columns([3, 1])
    with left:
        st.caption("Drag x₀, and scrub or play t: how long is the point remembered?")
        scene = forward.forward_scene(card, films, at[:dim], extent, shown.seed)
        state = stage(scene, key=key, more=asked[level + 1] if level + 1 < len(LEVELS) else "")
    with answer:
        table(card, films, state.frame, at[:dim], LEVELS[level] == "measured")
    links.remember("x0", at)


def table(
    card: Card, films: list[diffused.Film], frame: int, x0: tuple[float, ...], measured: bool
) -> None:
    """The numbers of the frame at which the timeline rests, a column for each schedule."""
    columns = [forward.numbers(card, one, frame, x0) for one in films]
    heads = " | ".join(f"**{one.schedule}**" for one in films)
    lines = [f"| t = {films[0].t[frame]:,} | {heads} |", "|---|" + "---:|" * len(films)]
    for name, role in forward.ROWS.items():
        cells = " | ".join(column[name] for column in columns)
        lines.append(f"| {ink(role, name) if role else name} | {cells} |")
    st.markdown("\n".join(lines))
    for one in films if measured else []:
        since = forward.noise_from(one)
        st.caption(
            f"On the {one.schedule} schedule q(xₜ) is within {forward.GAUSSIAN} nats of pure noise "
            f"from t = {since:,} on."
            if since is not None
            else f"On the {one.schedule} schedule q(xₜ) is still {one.kl[-1]:.2g} nats from pure "
            "noise at T."
        )


body()
