"""Is it learned by heart? The training images nearest to a sample, and how near others come."""

import numpy as np
import streamlit as st

from dashboard.chapters.gans.images.shared import drawn, sheet
from dashboard.chapters.gans.scenes.memory import distance_chart
from dashboard.components.sheet import Sheet, levels
from dashboard.components.tiles import peek_tiles, tiles
from dashboard.plots.theme import CHART, STILL
from dashboard.shared.compute import computed
from dashboard.shared.guard import guarded
from dashboard.shared.images import (
    TRAINING,
    Look,
    Pictures,
    linked_picks,
    offer,
    pictures,
    remember_picks,
    units,
)
from genlab.contract.card import Card
from genlab.measures.neighbours import (
    Nearest,
    chance_of_nearest,
    closer_share,
    expected_of_nearest,
    nearest,
)

SHOWN = 5


@computed(entries=8, spinner="Comparing held-out images with the training images …")
def _yardstick(card: Card) -> np.ndarray:
    """Distance of each held-out image to the nearest other image of the reference, [m]."""
    test, train = units(pictures(card).test), units(pictures(card).train)
    if len(train):
        return nearest(test, train).distance[:, 0] if len(test) else np.empty(0, np.float32)
    return nearest(test, test, same=True).distance[:, 0]


@computed()
def _near(look: Look) -> Nearest:
    have = look.pictures
    among = units(have.train if len(have.train) else have.test)
    return nearest(drawn(look)[1], among, SHOWN)


@st.fragment
@guarded()
def show(look: Look) -> None:
    """The picked sample beside its nearest images, and the yardstick; a pick runs this alone."""
    have = look.pictures
    among, trained = (have.train, True) if len(have.train) else (have.test, False)
    if len(among) < 2:
        st.info(
            f"There are no images of {look.card.dataset} to compare with: "
            f"`exported/data/{look.card.dataset}.npz` is missing or empty. Export a model of it "
            "again, which writes the file.",
            icon=":material/hide_image:",
        )
        return
    n = look.n
    near, own = _near(look), _yardstick(look.card)
    nearest_of_all = int(near.distance[:, 0].argmin())
    start = linked_picks("near_tiles", n, near=nearest_of_all)
    state = peek_tiles("near_tiles", n=n, picks=start)
    tile = state.picks["near"]
    remember_picks(state)
    left, right = st.columns([2, 3])
    with left:
        kind = "a training image" if trained else "a test image"
        st.caption(
            f"Pick a sample. Of these {n}, number {nearest_of_all + 1} comes nearest to "
            f"{kind}{', and it is the one picked' if tile == nearest_of_all else ''}."
        )
        tiles([sheet(look, "Samples", columns=8)], key="near_tiles", picks=start, max_width=480)
    with right:
        _neighbours(look, have, near, tile, trained)
        if len(own):
            _share(own, float(near.distance[tile, 0]), n, chosen=tile == nearest_of_all)
    _chart(near, own, tile, trained)
    st.caption(_protocol(look, have, n, trained))
    z, x, _ = drawn(look)
    offer(look, {"x": x, "z": z})


def _share(own: np.ndarray, distance: float, n: int, chosen: bool) -> None:
    """How many held-out images come as near, and how many would if nothing had been copied."""
    share = closer_share(own, distance)
    st.metric(
        "Held-out images that come as near or nearer",
        f"{100 * share:.1f} %",
        help="Share of the held-out test images whose nearest image is at most as far away.",
    )
    if not chosen:
        st.caption(
            "A sample that was not chosen for being near may stand anywhere: with nothing copied, "
            "every share from 0 to 100 % is as likely as any other."
        )
        return
    chance = chance_of_nearest(round(share * len(own)), len(own), n)
    st.caption(
        f"This sample was chosen as the nearest of {n}, so a small share is no sign of copying by "
        f"itself: with nothing copied, the nearest of {n} new images is expected at "
        f"1 / ({n} + 1) = {100 * expected_of_nearest(n):.1f} %, and at "
        f"{100 * share:.1f} % or less in {100 * chance:.0f} % of all draws. Copies would bring it "
        "far below."
    )


def _neighbours(look: Look, have: Pictures, near: Nearest, tile: int, trained: bool) -> None:
    among, labels = (have.train, have.train_label) if trained else (have.test, have.test_label)
    x = levels(drawn(look)[1])[tile]
    found = near.index[tile]
    sheet = Sheet.of(
        np.concatenate([x[None], among[found]]),
        f"Sample {tile + 1} and its nearest {'training' if trained else 'test'} images",
        "A sample and the images nearest to it, with their distances.",
        captions=[
            "the sample",
            *(
                f"{have.name(int(labels[i]))}: {d:.2f}"
                for i, d in zip(found, near.distance[tile], strict=True)
            ),
        ],
        columns=len(found) + 1,
        role="data",
    )
    tiles([sheet], key="near_row")


def _chart(near: Nearest, own: np.ndarray, tile: int, trained: bool) -> None:
    kind = "training" if trained else "test"
    names = ("held-out test images", "samples of the generator")
    figure = distance_chart(own, near.distance[:, 0], float(near.distance[tile, 0]), CHART, names)
    figure.update_xaxes(title_text=f"distance to the nearest {kind} image (pixels in 0..1)")
    st.plotly_chart(
        figure,
        alt="Histograms of the distance to the nearest image, of held-out images and of samples; "
        "a line marks the picked sample.",
        config=STILL,
    )


def _protocol(look: Look, have: Pictures, n: int, trained: bool) -> str:
    whole = TRAINING.get(look.card.dataset)
    of = f" of the {whole:,} the model was trained on" if whole else ""
    if trained:
        compared = (
            f"Compared with {len(have.train):,} training images{of}: a copy of one of the others "
            "would not be found."
        )
        yardstick = f"{len(have.test):,} test images, kept from the training, to the same images"
    else:
        compared = (
            f"Compared with {len(have.test):,} test images, since the reference sample holds no "
            "training images: this shows what is near, not what was learned by heart."
        )
        yardstick = "each test image to the nearest other one"
    return (
        f"Distance: Euclidean over {int(np.prod(look.card.event_shape))} pixels from 0 to 1. "
        f"{compared} The yardstick (blue): {yardstick}. Orange: {n} samples of this seed; the line "
        "is the picked one."
    )
