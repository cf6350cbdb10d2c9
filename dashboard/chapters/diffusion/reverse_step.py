"""The true reverse step, and the Gaussians that diffusion models draw from instead."""

from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from dashboard import pages
from dashboard.chapters.diffusion import few_steps
from dashboard.chapters.diffusion.scenes import reverse_step as scenes
from dashboard.chapters.diffusion.scenes import reverse_step_numbers as numbers
from dashboard.chapters.diffusion.scenes.trajectory import on_stage
from dashboard.chapters.diffusion.shared import reach, units_of
from dashboard.plots.theme import ink
from dashboard.shared import catalogue, controls, lessons, parts, shell
from dashboard.shared.compute import computed
from dashboard.shared.guard import guarded, without
from dashboard.shared.links import linked
from dashboard.shared.taken import take_away
from genlab.contract.card import Card
from genlab.diffusion.posterior import step_sizes
from genlab.diffusion.posterior_kl import FRAMES, ReverseSteps, explore
from genlab.diffusion.units import to_data, to_diffusion
from genlab.model import ExportedModel

PAGE = pages.named("reverse")
FIRST = (0.6, 0.3)  # x_t on arrival, diffusion units: between the modes of every data set

exact, marginal = ink("data", r"$q(x_s \mid x_t)$"), ink("data", "$q(x_s)$")
drawn = ink("model", r"$\mathcal N\big(c_0\,\hat x_0(x_t) + c_t\,x_t,\; \tilde\beta I\big)$")
shell.head(
    "Reverse step",
    f"The {ink('data', 'exact step')} back from $x_t$ to $x_s$, at a time $s < t$, is nearly "
    "Gaussian if it is short.",
    rf"{ink('data', 'Exact')}: $\;${exact} $\;\propto\;$ {marginal} $\;\cdot\;$ "
    + ink("noise", r"$q(x_t \mid x_s)$")
    + f"  \n{ink('model', 'What DDPM draws from')}: $\\;${drawn}",
)

left, right = shell.choices()
with left:
    card = controls.choose_truth("dataset", "log_prob_t", "denoise", "decode")
schedules = catalogue.schedules_of(card)
with right, st.container(horizontal=True, vertical_alignment="center", gap="medium"):
    from_t = st.container(width="content")
    schedule = controls.choose("Schedule", sorted(schedules), "schedule")
levels = np.asarray(schedules[schedule])
last = len(levels) - 1
with from_t:
    told = f"Time of the noisy point, an index of the schedule, up to T = {last:,}."
    t = controls.whole("From t", "t", 2, last, last // 2, help=told)


def learned(card: Card) -> Card | None:
    """The trained denoiser of the data set, in the same units as the exact model."""
    x = np.zeros((1, *card.event_shape))
    for other in catalogue.models_of(card.dataset):
        able = other.kind == "trained" and "denoise" in other.verbs
        if able and units_of(other) == units_of(card):
            with without("the trained denoiser"):
                catalogue.open_model(other.id).run("denoise", x=x, log_snr=np.zeros(1))
                return other
    return None


@computed(entries=32, keep="resource")
def priors(model: ExportedModel, schedule: str, t: int) -> NDArray[np.float32]:
    """The exact q(x_s) at each step back from t."""
    levels = np.asarray(catalogue.schedules_of(model.card)[schedule])
    return scenes.priors(model, levels[t - step_sizes(t, FRAMES)], scenes.plane(model.card))


@st.fragment
@guarded()
def steps_back(
    exact: ExportedModel, guesser: ExportedModel, schedule: str, t: int, said: DeltaGenerator
) -> None:
    """The film of the steps back from x_t; what is `said` of them, and their files.

    A drag runs this fragment alone.
    """
    card, dim = exact.card, exact.card.event_shape[0]
    extent, levels = scenes.plane(card), np.asarray(catalogue.schedules_of(card)[schedule])
    at = linked(
        f"reverse{dim}_stage",
        points={"x": on_stage(to_data(card, np.asarray(FIRST[:dim])))},
        frame_name="step",
        count=len(step_sizes(t, FRAMES)),
        within=reach(extent, dim),
    )
    x_t, still = at.points["x"][:dim], at.still
    back = explore(exact, guesser, levels, t, x_t, catalogue.watcher(), still)
    scene = scenes.reverse_scene(back, priors(exact, schedule, t), extent, not at.start, still)
    frame = at.show(scene).frame
    with said:
        if still is None:
            verdict(back, frame)
            offer(back, schedule)


def verdict(back: ReverseSteps, frame: int) -> None:
    """A sentence on all steps; folded, what there is to say of the one where the timeline rests."""
    st.markdown(numbers.verdict(back))
    how = "trained" if back.trained else "exact: no trained denoiser of these data is here"
    with st.expander("This step in detail, and how it is computed"):
        st.markdown("\n\n".join(numbers.details(back, frame)))
        st.caption(
            "q(xₛ | xₜ) is exact, by quadrature from the known distribution of the data (mass "
            f"{back.exact[frame].mass:.5f}, should be 1); x̂₀ is by `{back.source}` ({how}). In the "
            "plane the map of q(xₛ) is blurred by half a cell, so that no mode falls between two."
        )


def shown(back: ReverseSteps, frame: int) -> dict[str, NDArray[np.float64]]:
    """The KL of every step, and the densities of that of a frame, in units of the noise."""
    post, drawn = back.exact[frame], back.drawn[frame]
    steps = {"step": back.sizes, "kl_best": back.kl_best, "kl_ddpm": back.kl_drawn}
    axes = {f"axis{i + 1}": axis for i, axis in enumerate(post.axes)}
    return {
        **{name: np.asarray(values, dtype=np.float64) for name, values in steps.items()},
        **axes,
        "log_prob": post.log_prob,
        "best_mean": post.normal.mean,
        "best_cov": post.normal.cov,
        "ddpm_mean": drawn.mean,
        "ddpm_cov": drawn.cov,
        "x_t": to_diffusion(back.card, back.x_t),
        "x0_hat": back.x0,
    }


def offer(back: ReverseSteps, schedule: str) -> None:
    """The step shown, to take away."""
    at = "_".join(f"{value:.3f}" for value in back.x_t)
    name = f"{back.card.dataset}-reverse-{schedule}-t{back.t}-{{}}-x{at}"
    take_away(
        "Step",
        name,
        f"{name} {back.source} {sorted(back.card.files.items())}",
        partial(shown, back),
        frames=[f"s{back.t - size}" for size in back.all_sizes],
        film=f"reverse{len(back.x_t)}_stage",
        size=sum(post.log_prob.nbytes for post in back.exact),
        key="offers_step",
    )


guesser = learned(card) or card
opened = catalogue.open_model(card.id), catalogue.open_model(guesser.id)
lessons.ask(PAGE, card=card)
picture, words = st.container(), st.container()
with picture:
    steps_back(*opened, schedule, t, words)
lessons.tell(PAGE, card=card)
st.subheader("Sampling in few steps")
seed = controls.seed()
few_steps.show(*opened, schedule, seed)
parts.badges(card, opened[0].device, seed)
parts.about(guesser)
