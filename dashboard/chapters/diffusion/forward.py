"""Forward diffusion: the exact q(x_t) from data to noise, and the kernel of one point."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st

from dashboard import pages
from dashboard.chapters.diffusion.scenes import forward
from dashboard.chapters.diffusion.scenes.diffused_density import Diffused
from dashboard.chapters.diffusion.scenes.reverse_step import plane
from dashboard.chapters.diffusion.scenes.trajectory import on_stage, schedule_chart
from dashboard.chapters.diffusion.shared import reach
from dashboard.plots.theme import ink
from dashboard.shared import catalogue, controls, lessons, links, parts, shell
from dashboard.shared.ahead import AHEAD
from dashboard.shared.guard import guarded
from dashboard.shared.links import linked
from dashboard.shared.progress import Frames, finished, kept
from dashboard.shared.refining import Refining, refining
from dashboard.shared.taken import take_away
from genlab.contract.card import Card
from genlab.model import Array
from genlab.runtime.sessions import heavy

PAGE = pages.named("forward")
VERBS = ("log_prob_t", "decode")
FRAME, SEEN = "frame", "forward_seen"  # of the link, and of the session: the data set shown last
BYTES = 2**22  # what the films of two schedules take at all levels

mean, variance = ink("data", r"$\sqrt{\bar\alpha_t}\,x_0$"), ink("noise", r"$(1-\bar\alpha_t)\,I$")
marginal, start = ink("data", "$q(x_t)$"), ink("data", "$q(x_0)$")
shell.head(
    "Forward diffusion",
    f"{ink('noise', 'Noise')} is added to the {ink('data', 'data')} step by step, until only noise "
    "is left.",
    rf"$q(x_t \mid x_0) = \mathcal N\big(${mean}$,\;${variance}$\big)$: one point $x_0$, shrunk "
    rf"and blurred. Over all data points: {marginal}$\;=\int${start}$\,q(x_t \mid x_0)\,dx_0$.",
)


@dataclass(frozen=True)
class Shown:
    """What is looked at: an exact model, one schedule or two, and a seed."""

    card: Card
    names: tuple[str, ...]
    seed: int

    @property
    def work(self) -> Frames[list[Diffused]]:
        """The films of the schedules, level by level, for whoever looks at the same."""
        model, schedules = catalogue.open_model(self.card.id), catalogue.schedules_of(self.card)
        chosen = {name: np.asarray(schedules[name]) for name in self.names}
        start = partial(forward.films, model, chosen, plane(self.card), self.seed)
        return kept(("forward", self), start, len(forward.LEVELS), BYTES)

    @property
    def picture(self) -> Refining:
        """The level that is due: the last at once on the line, and where it was made before."""
        dim, levels = self.card.event_shape[0], forward.LEVELS
        least = 2 if self.work.done or dim == 1 else 0
        return refining(f"forward_{self.card.dataset}", self, levels=levels, at_least=least)

    def films(self, level: int) -> list[Diffused]:
        """A film for each schedule."""
        found = None
        while found is None:  # where another visitor computes it
            found = self.work.advance(level, heavy)
        return found


@st.fragment
@guarded()
def body() -> None:
    """All that depends on a choice: other data run this alone, not the page's head again."""
    left, right = shell.choices()
    with left:
        card = controls.choose_truth("dataset", *VERBS)
    names = sorted(catalogue.schedules_of(card))
    with right, st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        if card.event_shape == (1,):
            names = [controls.choose("Schedule", names, "schedule")]
        seed = controls.seed()
    shown = Shown(card, tuple(names[:2]), seed)
    picture = shown.picture
    picture.note()
    lessons.ask(PAGE, card=card)
    show(shown)
    parts.let_paint()
    if picture.last:
        say_noise(shown.films(picture.level))
    lessons.tell(PAGE, card=card)
    with st.expander("How this is computed"):
        st.markdown(
            "Nothing here is learned: the distribution of the data is known in closed form, so "
            "q(xₜ) is exact. Its divergence from noise is a sum over the cells of a grid, left out "
            "where the grid misses more than 1 % of the mass. The picture of the plane is blurred "
            "by half a cell, so that no mode falls between two cells. Means and standard "
            "deviations are in data units."
        )
    parts.badges(card, catalogue.open_model(card.id).device, seed)
    schedules, films = catalogue.schedules_of(card), shown.films(picture.level)
    ratio = "The logarithm of the signal-to-noise ratio over t, for each noise schedule."
    told = (
        (schedule_chart(schedules), "The share of signal over t, for each noise schedule."),
        (forward.snr_chart(schedules), ratio),
        (forward.kl_chart(films), "KL(q(xₜ) ‖ N(0, I)) in nats over t."),
    )
    for place, (chart, words) in zip(st.columns(3), told, strict=True):
        with place:
            parts.chart(chart, words)
    steps = [f"t{t}" for t in films[0].t]
    take_away(
        "Samples",
        f"{card.dataset}-noised-{{}}-seed{seed}",
        f"{card.id} {shown.names} {seed} {picture.level}",
        partial(points, films),
        frames=steps,
        size=sum(one.samples.nbytes for one in films),
    )
    parts.about(card)
    plan(seed)


def plan(seed: int) -> None:
    """Make the films of the other data sets of the plane, while nobody computes."""
    if seed == 0:
        exact = filter(None, map(catalogue.exact_of, catalogue.datasets("plane")))
        able = [card for card in exact if card.verbs >= set(VERBS)]
        looks = (Shown(card, tuple(sorted(catalogue.schedules_of(card))[:2]), 0) for card in able)
        AHEAD.plan("forward", looks, lambda look: finished(look.work))


@st.fragment
@guarded()
def show(shown: Shown) -> None:
    """The film with the kernel of the dragged point; a drag runs this fragment alone.

    A coarse film comes first. As soon as it is painted the whole one is made and drawn; then its
    divergences, and the page is shown with them.
    """
    card, picture, dim = shown.card, shown.picture, shown.card.event_shape[0]
    films, extent = shown.films(picture.level), plane(shown.card)
    picture.show_rest()  # charts and words under the picture wait for the last level
    leave_noise(card, films)
    start = {"x": on_stage(films[0].samples[0, 0])}
    at = linked(
        picture.stage,
        points=start,
        names={"x": "x0"},
        frame_name=FRAME,
        count=len(films[0].t),
        within=reach(extent, dim),
    )
    x0 = at.points["x"][:dim]
    scene = forward.forward_scene(card, films, x0, extent, shown.seed, at.still)
    at.show(scene, more=picture.more)


def leave_noise(card: Card, films: list[Diffused]) -> None:
    """Where other data were chosen at a frame of pure noise, which shows all alike, begin anew."""
    before, frame = st.session_state.get(SEEN), links.frame(FRAME, len(films[0].t))
    changed = before not in {None, card.dataset}
    if changed and frame is not None and films[0].bars[frame] < forward.FADED:
        links.write(FRAME, "")
    st.session_state[SEEN] = card.dataset


def points(films: list[Diffused], frame: int) -> dict[str, Array]:
    """The points of a frame on each schedule, and where they came from."""
    last = {f"x_{one.schedule}": one.samples[frame] for one in films}
    return {"x": films[0].samples[frame], "x0": films[0].samples[0], **last}


def say_noise(films: list[Diffused]) -> None:
    """From which t on the data have become noise, on each schedule."""
    for one in films:
        since, told = forward.noise_from(one), f"still {one.kl[-1]:.2g} nats from pure noise at T."
        if since is not None:
            told = f"within {forward.GAUSSIAN} nats of pure noise from t = {since:,} on."
        st.caption(f"On the {one.schedule} schedule q(xₜ) is {told}")


body()
