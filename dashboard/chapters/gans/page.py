"""GANs: a generator, a discriminator, and what each step of their game did."""

import streamlit as st

from dashboard import pages
from dashboard.chapters.gans import game, gradients, objectives, optimal, training
from dashboard.chapters.gans.shared import VERBS, choose_model, drawn
from dashboard.plots.theme import ink
from dashboard.shared import catalogue, controls, lessons, parts, shell
from dashboard.shared.guard import guarded
from dashboard.shared.selection import PlaneSelection
from dashboard.shared.taken import take_arrays, take_snapshots

PAGE = pages.named("gans")
OTHERS = {"training": training, "optimal": optimal, "gradients": gradients}  # views beside the game
# What a view asks of its model beside the verbs, and in words.
FITS = {
    "optimal": (lambda card: bool(card.snapshots), "with checkpoints"),
    "gradients": (gradients.fits, "with checkpoints, whose discriminator judges single points"),
}

shell.head(
    "GANs",
    f"A {ink('model', 'generator G')} turns {ink('noise', 'noise z')} into samples; a "
    f"{ink('critic', 'discriminator D')} tries to tell them from {ink('data', 'data')}.",
    r"$\min_G \max_D\; \mathbb{E}_x \log D(x) + \mathbb{E}_z \log\big(1 - D(G(z))\big)$  \n"
    "A GAN has no density: it can only be sampled.",
)


SAMPLES = 1_500  # at first


def below() -> tuple[int, int]:
    """The number of samples and the seed, under the picture: a phone shows both."""
    with st.container(horizontal=True, gap="medium"):
        return controls.whole("Samples", "gan_n", 100, 4_000, SAMPLES, 100), controls.seed()


@st.fragment
@guarded()
def body() -> None:
    """All that depends on a choice: another model runs this alone, not the page's head again."""
    left, right = shell.choices()
    with right:
        words = (
            "**game**: drag a point of noise · **training**: one run, checkpoint by checkpoint · "
            "**objectives**: three from the same start, and k · **optimal**: D beside the best "
            "possible D* · **gradients**: what moves the generator"
        )
        view = controls.choose("Look at", PAGE.views, PAGE.choice, words)
    if view == "objectives":
        lessons.ask(PAGE, view)
        with left:
            choice = objectives.choose()
        several(choice)
        return
    with left:
        fits = FITS.get(view)
        card = choose_model(*fits) if fits else controls.choose_model("gan", *VERBS)
    lessons.ask(PAGE, view, card)
    picture = st.container()
    look = PlaneSelection(card, *below())
    painted = view in OTHERS or game.levels(look).note()
    with picture:
        OTHERS.get(view, game).show(look)
    parts.let_paint()
    lessons.tell(PAGE, view, card)
    parts.badges(card, look.model.device, look.seed)
    if view != "training" or not card.snapshots:  # its film shows the losses
        words = "Losses of generator and discriminator over the training steps."
        parts.losses(card, "loss", words, painted)
    match view:
        case "optimal":
            optimal.offer(look)
        case "gradients":
            gradients.offer(look)
        case "training" if card.snapshots:
            take_snapshots(look.model, look.n, look.seed)
        case _:
            z, samples, _ = drawn(look)
            take_arrays("Samples", f"{card.id}-seed{look.seed}", {"x": samples, "z": z})
    parts.about(card)
    if view not in OTHERS:
        game.plan(PlaneSelection(other, SAMPLES, 0) for other in catalogue.models_with(*VERBS))


def several(choice: objectives.Choice) -> None:
    """Runs side by side, and each one's figures and origin."""
    picture = st.container()
    n, seed = below()
    with picture:
        objectives.show(choice, n, seed)
        lessons.tell(PAGE, "objectives")
    models = objectives.opened(choice.shown)
    objectives.offer(choice, models, n, seed)
    for model in models:
        parts.badges(model.card, model.device, seed)
        parts.about(model.card)


body()
