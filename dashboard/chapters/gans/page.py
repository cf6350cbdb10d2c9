"""GANs: the forger and the detective, and what each step of their game did."""

import streamlit as st

from dashboard import pages
from dashboard.chapters.gans import game, gradients, objectives, optimal, training
from dashboard.chapters.gans.shared import VERBS, choose_model, forgeries
from dashboard.plots.charts import loss_chart
from dashboard.plots.theme import ink
from dashboard.shared import controls, lessons, parts, shell
from dashboard.shared.guard import guarded
from dashboard.shared.selection import PlaneSelection

PAGE = pages.named("gans")
# What a view asks of its model beside the verbs, and in words.
FITS = {
    "optimal": (lambda card: bool(card.snapshots), "with snapshots"),
    "gradients": (gradients.fits, "with snapshots, whose critic says of one point how real it is"),
}

shell.head(
    "GANs",
    f"A {ink('model', 'generator G')} turns {ink('noise', 'noise z')} into samples; a "
    f"{ink('critic', 'discriminator D')} tries to tell them from {ink('data', 'data')}.",
    r"$\min_G \max_D\; \mathbb{E}_x \log D(x) + \mathbb{E}_z \log\big(1 - D(G(z))\big)$  \n"
    "A GAN has no density: it can only be sampled.",
)


def below() -> tuple[int, int]:
    """The number of forgeries and the seed, under the picture: a phone shows both."""
    with st.container(horizontal=True, gap="medium"):
        return controls.whole("Forgeries", "gan_n", 100, 4_000, 1_500, 100), controls.seed()


@st.fragment
@guarded()
def body() -> None:
    """All that depends on a choice: another model runs this alone, not the page's head again."""
    left, right = shell.choices()
    with right:
        words = (
            "**game**: drag a point of noise · **training**: one run, snapshot by snapshot · "
            "**objectives**: three from the same start, and k · **optimal**: D beside the best "
            "possible D* · **gradients**: what the generator feels"
        )
        view = controls.choose("Look at", PAGE.views, PAGE.choice, words)
    lessons.ask(PAGE, view)
    if view == "objectives":
        with left:
            choice = objectives.choose()
        several(choice)
        return
    with left:
        fits = FITS.get(view)
        card = choose_model(*fits) if fits else controls.choose_model("gan", *VERBS)
    picture = st.container()
    look = PlaneSelection(card, *below())
    with picture:
        others = {"training": training, "optimal": optimal, "gradients": gradients}
        others.get(view, game).show(look)
    parts.let_paint()
    lessons.tell(PAGE, view)
    parts.badges(card, look.model.device, look.seed)
    words = "Losses of generator and discriminator over the training steps."
    parts.chart(loss_chart(card, "loss"), words)
    if view in {"training", "optimal", "gradients"} and card.snapshots:
        parts.snapshot_downloads(look.model, look.n, look.seed)
    else:
        z, samples, _ = forgeries(look)
        parts.downloads(f"{card.id}-seed{look.seed}", {"x": samples, "z": z})
    parts.about(card)


def several(choice: objectives.Choice) -> None:
    """Runs side by side, and each one's figures and origin."""
    picture = st.container()
    n, seed = below()
    with picture:
        objectives.show(choice, n, seed)
        lessons.tell(PAGE, "objectives")
    models = objectives.opened(choice.shown)
    parts.downloads(
        f"{models[0].card.dataset}-k{choice.k}-seed{seed}",
        {model.card.id: model.sample(n, seed=seed) for model in models},
    )
    for model in models:
        parts.badges(model.card, model.device, seed)
        parts.about(model.card)


body()
