"""A visitor's own points: painted on a pad, or read from a csv file; and what to do with them.

Neither is stored or shared. A drawing and the points of a file are the session's, so they survive a
look at another page; a drawing is in the link too, where it fits.

A drawing is a density: the more paint, the more points. A file's points are standardised by its
training points, so that the settings of a fit (bandwidths, spherical covariances, the window) mean
the same for grams as for years. The pictures are in these units, and log p is lower or higher in
data units by a constant; both are said, and a fit that is saved is in data units.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from dashboard import pages
from dashboard.chapters.fits.scenes.own import START, points_of
from dashboard.components.heard import answer, note
from dashboard.components.pad import pad
from dashboard.components.sheet import Grey
from dashboard.shared import controls, drawings, links
from dashboard.shared.compute import in_turn
from dashboard.shared.taken import take_away
from genlab.fits.graphs import Units
from genlab.tables import Table, TableError, parse_points

if TYPE_CHECKING:
    from dashboard.chapters.fits.data import Sample

DRAWN, CSV = "drawing", "csv"
OWN = {DRAWN: "Your drawing", CSV: "Your csv file"}
"""What stands among the data sets."""
SEEN, DRAWING, LINK = "fit_source_seen", "fit_drawing", "ink"
"""Where a session has the source that was chosen last, and a drawing; what the link calls it."""
FILE, FILES, TABLE = "fit_file", "fit_files", "fit_table"
"""Where it has a file until it is read, how many came, and what the last one was."""
LEAST, MOST, MEGABYTES = 50, 100_000, 5
"""Points of a file, and its size."""
FITTED = 10_000
"""Most training points, and most held-out points, of a file."""
CLASSES = 10
"""Labels of more kinds are no classes."""
HELD = 2_000
"""Held-out points of a drawing."""


def choose_source(titles: Mapping[str, str]) -> str:
    """A data set by its name, `DRAWN` or `CSV`; what is one's own stays from page to page."""
    seen = st.session_state.get(SEEN)
    if seen and "fit_data" not in st.session_state and "fit_data" not in st.query_params:
        st.session_state["dataset_seen"] = seen
    name = controls.pick("Data set", {**titles, **OWN}, "fit_data")
    st.session_state[SEEN] = name if name in OWN else ""
    return name


def drawn(
    n: int, seed: int, picture: DeltaGenerator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Training points [n, 2] and held-out points of what is painted; the pad is behind a button.

    Without paint the page stops, and says so in the place of the `picture`: a notice beside the
    button would move the pad from under the pointer.
    """
    with st.popover("Draw", icon=":material/brush:"):
        st.caption(
            "Paint where points should be; they come as you let go. More paint, more points."
        )
        begin = links.once("fit_pad", _drawing, "start")
        alt = "The window from −4 to 4 along both axes, to paint points into."
        ink = pad(key="fit_pad", alt=alt, start=begin, size=START.shape, brush=2.0)
        st.session_state[DRAWING] = ink
        if np.array_equal(ink, START):
            links.write(LINK, "")
        elif not drawings.remember(LINK, ink):
            st.caption("This drawing is too large for a link: whoever opens it sees another.")
    if not ink.any():
        picture.info("Nothing is drawn yet: paint under *Draw*.", icon=":material/brush:")
        st.stop()
    return points_of(ink, n, seed), points_of(ink, HELD, seed, "held out")


def _drawing() -> Grey:
    """What a pad that is drawn anew begins with: what was there, what the link has, an example."""
    before: Grey | None = st.session_state.get(DRAWING)
    if before is not None:
        return before
    told = drawings.linked(LINK, START.shape)
    return START if told is None else told


def uploaded() -> tuple[str, Table]:
    """Name and points of the file that was chosen; without one the page stops and says why."""
    _read()
    name, found = st.session_state.get(TABLE, ("", None))
    if isinstance(found, Table):
        with st.popover(links.plain(name), icon=":material/table:"):
            _ask("Another file")
            st.button("Forget these points", on_click=_forget, icon=":material/close:")
        return name, found
    with st.container(width=720):
        if found is not None:
            st.error(f"`{name}` – {links.plain(found)}.", icon=":material/block:")
        _ask("A csv file of points")
        st.info(
            "One column of numbers for the line, two for the plane, perhaps one more of labels: "
            "words, or numbers in a column called label. A first line of words is a header.",
            icon=":material/upload_file:",
        )
    st.stop()


def _ask(words: str) -> None:
    told = (
        f"{LEAST:,} to {MOST:,} rows, {MEGABYTES} MB at most. The file is read and dropped, its "
        "points are kept until you leave; neither is stored, and nobody else sees them. A column "
        "of words is read as labels; one of numbers must be called label. Between semicolons a "
        "comma may be the decimal point."
    )
    key = f"fit_csv{st.session_state.get(FILES, 0)}"
    answer(FILES)
    st.file_uploader(words, key=key, on_change=_take, args=[key], help=told)


def _take(key: str) -> None:
    """Keep a file until it is read, and begin with a fresh uploader."""
    file = st.session_state[key]
    note(FILES)
    if file is not None:
        st.session_state[FILE] = file.name, file.getvalue()
        st.session_state[FILES] = st.session_state.get(FILES, 0) + 1


def _forget() -> None:
    st.session_state.pop(TABLE, None)
    note(FILES)


def _read() -> None:
    """Make points of a file that was taken, in place of the last ones."""
    if FILE not in st.session_state:
        return
    name, content = st.session_state[FILE]
    short = (name if len(name) <= 32 else f"{name[:20]}…{name[-11:]}").replace("`", "'")
    st.session_state[TABLE] = short, read(content)
    del st.session_state[FILE]


def read(content: bytes) -> Table | str:
    """The points of a file, or what is wrong with it."""
    if len(content) > MEGABYTES * 2**20:
        return f"expected at most {MEGABYTES} MB, found {len(content) / 2**20:.1f} MB"
    try:
        with in_turn():  # a hundred thousand rows take half a second
            return parse_points(content, LEAST, MOST)
    except TableError as error:
        return str(error)


@dataclass(frozen=True, eq=False)
class Split:
    """The points of a file in an order by chance, standardised by the mean and std of the first.

    Attributes:
        train: The first three quarters [n, d], `FITTED` at most.
        held: The others [m, d], `FITTED` at most.
        units: How they were standardised.
        classes: What the classes are called; none where there are no labels, one kind, or many.
        labels: The class of each, of `train` and then of `held`; None without classes.
    """

    train: NDArray[np.float64]
    held: NDArray[np.float64]
    units: Units
    classes: tuple[str, ...]
    labels: NDArray[np.int64] | None


def split(found: Table, seed: int) -> Split:
    """The points of a file as fits are given them; another seed makes another split."""
    order = np.random.default_rng(seed).permutation(len(found.x))
    x = found.x[order].astype(np.float64)
    cut = min(3 * len(x) // 4, FITTED)
    scale = x[:cut].std(0)
    units = Units(
        tuple(x[:cut].mean(0).tolist()),
        tuple(np.where(scale > 0, scale, np.ptp(x, axis=0)).tolist()),
    )
    points = units.standardised(x[: cut + FITTED])
    names = tuple(sorted(set(found.label or ())))
    classes = names if 2 <= len(names) <= CLASSES else ()
    labels = None
    if classes and found.label:
        # By number: as an array of words each would take as much room as the longest.
        number = {name: i for i, name in enumerate(classes)}
        labels = np.array([number[found.label[i]] for i in order[: len(points)]], np.int64)
    return Split(points[:cut], points[cut:], units, classes, labels)


def tell(sample: Sample) -> None:
    """Of a visitor's own points: how they were standardised and split, and how to train on them."""
    if sample.exact is not None:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption("Or fit points of your own:", width="content")
            script, known = pages.named("fits").script, st.query_params.to_dict()
            for name, words, icon in (
                (DRAWN, "Draw them", ":material/brush:"),
                (CSV, "Choose a csv file", ":material/upload_file:"),
            ):
                asked = known | {"fit_data": name}
                st.page_link(script, label=words, icon=icon, query_params=asked, width="content")
        return
    split = f"{len(sample.train):,} points to fit, {len(sample.held):,} held out."
    if sample.units is not None:
        ways = ", ".join(
            f"({links.plain(name)} − {shift:.4g}) / {scale:.4g}"
            for name, shift, scale in zip(
                sample.columns, sample.units.shift, sample.units.scale, strict=True
            )
        )
        nats = sample.units.log_volume
        verb = "Subtract" if nats >= 0 else "Add"
        labels = f" Column {links.plain(sample.left_out)} was read as labels."
        st.caption(
            f"{split} Standardised: {ways}.{labels if sample.left_out else ''} {verb} "
            f"{abs(nats):.3f} nats for log p in your units. Nothing of the file is stored or "
            "shared."
        )
    else:
        st.caption(f"{split} They are drawn where the paint is, and nothing of it is stored.")
    with st.expander("Train any family on these points", icon=":material/model_training:"):
        file = sample.file or f"{sample.name}.csv"
        st.markdown(
            "Put the file into your checkout; `moons-flow-spline` may be any recipe of the plane, "
            "such as `moons-gan-nonsaturating` or `moons-ddpm`."
        )
        st.code(f"{command(file)}\npython -m training export {sample.name}-flow-spline", "bash")
        if not sample.file:
            points = np.concatenate([sample.train, sample.held])
            take_away("Points", sample.name, sample.key, lambda _: {"x": points}, key="offers_own")


def command(file: str) -> str:
    """The command that trains a flow on a file."""
    return f"python -m training train moons-flow-spline --data {shlex.quote(file)}"
