"""The change of variables on the line: a map bent by hand, or the one that a flow learned."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from dashboard.chapters.flows.scenes import change_of_variables as bend
from dashboard.components.readout import Readout
from dashboard.plots.theme import ink
from dashboard.shared import catalogue, controls, links
from dashboard.shared.compute import computed
from dashboard.shared.guard import guarded
from dashboard.shared.links import Linked, linked
from dashboard.shared.taken import Arrays, take_away
from genlab.contract.card import Card
from genlab.model import ExportedModel
from genlab.monotone import Monotone, Pushed, settle
from genlab.runtime import noise
from genlab.runtime.errors import InputError

Point = tuple[float, float]
SPAN = (-4.0, 4.0)
"""The window of x of the map by hand."""
SAMPLES = 20_000
RULE = "By the trapezoidal rule over f(z) at 4,001 places of z from −8 to 8."
NAIVE = "It equals the mean slope E f′(z), which is one only by chance."
NAMES = [f"b{i}" for i in range(len(bend.START))]


def choose() -> Card | None:
    """The flow of the line whose map is shown: from noise to data it is a curve; None by hand."""
    able, cards = {"log_prob", "decode", "layers"}, catalogue.read_catalogue().cards.values()
    line = [card for card in cards if card.event_shape == (1,) and card.verbs >= able]
    flows = {card.id: card for card in line if card.latent and card.latent.dim == 1}
    source = controls.choose("Map", ["by hand", "learned"], "bend_map") if flows else "by hand"
    if source == "by hand":
        return None
    if len(flows) == 1:
        return next(iter(flows.values()))
    return flows[controls.pick("Flow of the line", {id: id for id in flows}, "flow1d", flows)]


def show(card: Card | None, seed: int) -> None:
    """The map of a flow, or the one by hand."""
    _show_learned(card, seed) if card else _show_by_hand(seed)


def _show_by_hand(seed: int) -> None:
    picture, said = _columns()
    with picture:
        stage = st.container()
        with st.container(horizontal=True, gap="small"):
            st.button("Begin again", key="bend_Begin again", icon=":material/restart_alt:")
            st.button("Straighten", key="bend_Straighten", icon=":material/trending_up:")
        files = st.container()
        with stage:
            by_hand(seed, said, files)
        st.caption(
            "An illustration: the map is yours, nothing is learned. Its densities are exact. An "
            "invertible map must rise, so a handle stays between its neighbours."
        )


def _show_learned(card: Card, seed: int) -> None:
    pushed, x = _learned(catalogue.open_model(card.id), seed)
    places = np.linspace(*bend.window(pushed), 401)
    true = catalogue.exactly(
        card.dataset, "log_prob", lambda exact: np.exp(exact.log_prob(places[:, None]))
    )
    known = None if true is None else (places, np.asarray(true, dtype=np.float64))
    picture, said = _columns()
    with picture:
        learned(pushed, x, known, said, f"{card.id}-map-seed{seed}")
        st.caption(
            f"Trained: `{card.id}`. f and its slope are those of the exported graph"
            + ("; the true density is exact." if known else ".")
        )


def _columns() -> tuple[DeltaGenerator, DeltaGenerator]:
    """The column of the picture, and that of what is said of it.

    They are outside of the fragments, whose answers to a drag hold what changes and no more.
    """
    picture, answer = st.columns([3, 1])
    answer.markdown(
        f"{ink('model', '$p(x)$')} $=$ {ink('noise', '$N(f^{-1}(x))$')} "
        r"$\cdot\,\left|\frac{d f^{-1}}{dx}\right|$"
    )
    return picture, answer


@st.fragment
@guarded()
def by_hand(seed: int, said: DeltaGenerator, files: DeltaGenerator) -> None:
    """Handles on an increasing curve; a drag runs this fragment alone."""
    before = st.session_state.setdefault("bend_knots", _linked())
    handles = linked("bend_stage", points=dict(zip(NAMES, before, strict=True)), read=False)
    wanted = [handles.points[name] for name in NAMES]
    knots = settle(wanted, before, (-bend.REACH, bend.REACH, *SPAN), bend.GAP)
    for label, places in (("Begin again", bend.START), ("Straighten", bend.STRAIGHT)):
        if st.session_state.get(f"bend_{label}"):
            knots = list(places)
    st.session_state["bend_knots"] = knots
    handles = handles.put(**dict(zip(NAMES, knots, strict=True)))
    _show(
        *_pushed(knots, seed),
        SPAN,
        handles,
        [f"handle {i + 1}" for i in range(len(NAMES))],
        said,
    )
    with files:
        _offer(f"map-by-hand-seed{seed}", knots, lambda _: _by_hand(tuple(knots), seed))


@st.fragment
@guarded()
def learned(
    pushed: Pushed,
    x: NDArray[np.float32],
    truth: tuple[bend.Floats, bend.Floats] | None,
    said: DeltaGenerator,
    file: str,
) -> None:
    """The map that a flow of the line learned, with one point to drag along it.

    `x` are samples of the flow [n], `truth` places [m] and the known density there.
    """
    point = linked("map_stage", points={"z0": (0.5, 0.0)})
    z = float(np.clip(point.points["z0"][0], -bend.REACH, bend.REACH))
    at = (z, float(np.interp(z, pushed.z, pushed.x)))
    labels, span = ["your point (z, f(z))"], bend.window(pushed)
    _show(pushed, x, span, point.put(z0=at), labels, said, truth, slope_at=at)
    _offer(file, [at], lambda _: _arrays(pushed, x, [at], truth))


@computed(entries=8, keep="resource")
def _learned(model: ExportedModel, seed: int) -> tuple[Pushed, NDArray[np.float32]]:
    return bend.learned(model), model.sample(SAMPLES, seed=seed)[:, 0]


def _linked() -> list[Point]:
    """The knots of the link, or the first ones where it holds no increasing map."""
    asked = [links.point(name, at) for name, at in zip(NAMES, bend.START, strict=True)]
    inside = (np.abs(asked) <= [bend.REACH, SPAN[1]]).all()
    apart = (np.diff(asked, axis=0) >= bend.GAP - 2e-3).all()
    with suppress(InputError):
        Monotone(tuple(asked))
        return asked if inside and apart else list(bend.START)
    return list(bend.START)


def _show(
    pushed: Pushed,
    x: NDArray[np.floating],
    span: Point,
    at: Linked,
    labels: list[str],
    said: DeltaGenerator,
    truth: tuple[bend.Floats, bend.Floats] | None = None,
    slope_at: Point | None = None,
) -> None:
    histogram = bend.Histogram.of(x, *span)
    handles = [(*one, label) for one, label in zip(at.points.items(), labels, strict=True)]
    right, wrong = ([f"{pushed.integral(p):.4f}"] for p in (pushed.right, pushed.naive))
    numbers = [
        Readout("∫ p(x) dx, with the Jacobian", right, "model", RULE),
        Readout("∫ N(f⁻¹(x)) dx, naive", wrong, "noise", NAIVE),
    ]
    at.show(replace(bend.scene(pushed, histogram, span, handles, truth), readouts=numbers))
    with said:
        off, naive = (histogram.outside(pushed, p) for p in (pushed.right, pushed.naive))
        st.markdown(
            f"Bars of the histogram more than two standard errors from {ink('model', 'p(x)')}: "
            f"{100 * off:.0f}\u00a0% (chance alone: about 5\u00a0%). From the "
            f"{ink('noise', 'naive')} density: {100 * naive:.0f}\u00a0%."
        )
        if slope_at is not None:
            _slope(pushed, slope_at)


def _pushed(knots: Sequence[Point], seed: int) -> tuple[Pushed, NDArray[np.floating]]:
    """The map by hand, and seeded noise that it has moved [n]."""
    bent = Monotone(tuple(knots))
    z = noise.normal(seed, (SAMPLES,), "bend").astype(np.float64)
    return Pushed.of(bent, bend.FAR), bent(z)[0]


def _by_hand(knots: Sequence[Point], seed: int) -> Arrays:
    return _arrays(*_pushed(knots, seed), knots)


def _offer(name: str, points: Sequence[Point], make: Callable[[int], Arrays]) -> None:
    """Files of what is shown, made when they are asked for: a drag makes many that nobody wants."""
    take_away("Data", name, f"{name} {points}", make)


def _arrays(
    pushed: Pushed,
    x: NDArray[np.floating],
    points: Sequence[Point],
    truth: tuple[bend.Floats, bend.Floats] | None = None,
) -> Arrays:
    """What the picture shows: curves over z, the points to drag, the samples of the histogram."""
    curves = {"z": pushed.z, "x": pushed.x, "slope": pushed.slope}
    curves |= {"p": pushed.right, "naive": pushed.naive}
    known = {"true_x": truth[0], "true_p": truth[1]} if truth else {}
    return curves | known | {"handles": np.array(points), "samples": x}


def _slope(pushed: Pushed, at: Point) -> None:
    """The change of variables at one point, in numbers."""
    slope = float(np.interp(at[0], pushed.z, pushed.slope))
    height = float(np.exp(-0.5 * at[0] ** 2) / np.sqrt(2 * np.pi))
    st.markdown(
        f"| at z = {at[0]:.2f} | |\n|---|---:|\n"
        f"| x = f(z) | {at[1]:.2f} |\n"
        f"| {ink('noise', 'N(z)')} | {height:.4f} |\n"
        f"| f′(z) = dx/dz | {slope:.3f} |\n"
        f"| {ink('model', 'p(x) = N(z) / f′(z)')} | {height / slope:.4f} |"
    )
