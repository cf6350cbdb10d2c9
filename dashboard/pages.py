"""The one table of pages: what there is, where it is, what it needs, and its part of the lecture.

Navigation, home, warm-up, the health route and the benchmarks read it. A new page is a folder in
`dashboard/chapters/` and a row here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from genlab.contract.card import Card

MAKERS = frozenset({"decode", "layers", "denoise"})
"""Verbs by any of which a model makes samples that Compare can show."""
SHOWN = (1, 3)
"""Channels of images that a screen can show: grey and colour."""


@dataclass(frozen=True)
class Topic:
    """One part of the lecture, done on a page.

    Attributes:
        place: Its place in the lecture: topics are shown in the order of these numbers.
        name: What the lecture calls it.
        view: The link's parameter and value of the view where it is done; empty for the first.
        idea: What the lecture says, in a sentence.
        look: What one does on the page.
        face: A model whose film stands for it on the front page.
    """

    place: int
    name: str
    view: str
    idea: str
    look: str
    face: str = ""


@dataclass(frozen=True)
class Part:
    """A part of the lecture: the topics from its place on, and what of it is still `to_come`."""

    place: int
    name: str
    to_come: tuple[str, ...] = ()


@dataclass(frozen=True)
class Page:
    """A row of the table.

    Attributes:
        title: What navigation calls it.
        path: Its address; empty for the front door.
        chapter: The folder in `dashboard/chapters/` that it belongs to.
        script: Its file, relative to `dashboard/`.
        icon: A Material icon.
        group: The heading in navigation under which it stands.
        opens: Kinds of the models that are opened here from elsewhere: `line`, `plane` or `image`.
        parameter: The link's name for what is looked at: a model, or on the line its data set.
        needs: Sets of verbs; a model must have all of one set. Empty where any model will do.
        without: Verbs that a model must not have: there is a better page for it.
        asks: The further verbs that a view wants.
        always: Shown also without a model that it can open; it then says what to do.
        at_start: Verbs of the plane that are compiled when the server starts.
        behind: Verbs of the plane that are compiled once somebody has opened the page.
        topics: What of the lecture is done here.
        choice: The link's name for the view that is looked at; empty where there is but one.
        views: The values of `choice`, in their order on the page.
    """

    title: str
    path: str
    chapter: str
    script: str
    icon: str
    group: str = ""
    opens: tuple[str, ...] = ()
    parameter: str = ""
    needs: tuple[frozenset[str], ...] = ()
    without: frozenset[str] = frozenset()
    asks: Mapping[str, frozenset[str]] = field(default_factory=dict, hash=False)
    always: bool = False
    at_start: tuple[str, ...] = ()
    behind: tuple[str, ...] = ()
    topics: tuple[Topic, ...] = ()
    choice: str = ""
    views: tuple[str, ...] = ()

    def can_open(self, card: Card) -> bool:
        """Whether a model can be looked at here."""
        able = not self.needs or any(card.verbs >= verbs for verbs in self.needs)
        return kind(card) in self.opens and able and not card.verbs & self.without

    def missing(self, card: Card, view: str) -> list[str]:
        """The verbs that a view wants and a model has not."""
        return sorted(self.asks.get(view, frozenset()) - card.verbs)

    def address(self, **query: str) -> str:
        """Its link relative to the app."""
        return f"{self.path}?{urlencode(query, quote_via=quote)}" if query else self.path

    def addresses(self, **query: str) -> list[str]:
        """The links to each of its views."""
        return [self.address(**query, **{self.choice: view}) for view in self.views] or [
            self.address(**query)
        ]


def kind(card: Card) -> str:
    """What a model is of: the `line`, the `plane`, or an `image`; empty for anything else."""
    space = card.space
    if space.kind == "points":
        return {1: "line", 2: "plane"}.get(space.shape[0], "")
    return "image" if space.kind == "image" and space.channels in SHOWN else ""


# fmt: off
PAGES: tuple[Page, ...] = (
    Page("Lab", "", "home", "chapters/home/page.py", ":material/blur_on:", always=True),
    Page("Compare", "compare", "compare", "chapters/compare/page.py", ":material/compare:",
         opens=("line",), parameter="dataset", always=True, at_start=("log_prob",), topics=(
        Topic(10, "Inference and sampling", "",
              "A generative model answers one or both of: how likely is x? and: give me a new x.",
              "Compare all families", face="checkerboard-ddpm"),
    )),
    Page("Histograms & mixtures", "fits", "fits", "chapters/fits/page.py", ":material/bar_chart:",
         always=True, choice="fit_view",
         views=("histogram", "bins", "dimensions", "mixture", "components"), topics=(
        Topic(2, "Histograms", "fit_view=histogram",
              "Count how often the data fall into each bin; then infer and sample from the counts.",
              "Move the bins, drag a point", face="moons-exact"),
        Topic(4, "How many bins?", "fit_view=bins",
              "Too few blur, too many repeat the data: points that were held out tell.",
              "Scrub the number of bins", face="mixture1d-exact"),
        Topic(6, "Why histograms fail on images", "fit_view=dimensions",
              "d numbers at k levels have k^d cells: no data fill them.",
              "Add pixel after pixel of real digits", face="mnist-flow"),
        Topic(8, "Gaussian mixtures", "fit_view=mixture",
              "Choose a family p_θ, then climb the likelihood: by EM or by gradient steps.",
              "Race EM against gradient ascent", face="gaussians8-exact"),
        Topic(9, "How many components?", "fit_view=components",
              "The likelihood of the training data always rises: held-out points and BIC choose.",
              "Scrub the number of components", face="rings-exact"),
    )),
    Page("Autoregressive models", "autoregressive", "autoregressive",
         "chapters/autoregressive/page.py", ":material/linear_scale:", opens=("plane",),
         parameter="ar", needs=(frozenset({"next"}),), always=True, behind=("next",),
         choice="ar_view", views=("chain", "sampling", "order"), topics=(
        Topic(15, "The chain rule", "ar_view=chain",
              "Any density is a product of conditional densities of one number each.",
              "Cut a density with your pointer", face="moons-ar"),
        Topic(16, "Ancestral sampling", "ar_view=sampling",
              "Draw the first number, then each next one from what those before it leave open.",
              "Draw one coordinate after the other", face="rings-ar"),
    )),
    Page("Autoregressive models on images", "autoregressive-images", "autoregressive",
         "chapters/autoregressive/images/page.py", ":material/linear_scale:", group="Images",
         opens=("image",), parameter="image_ar", needs=(frozenset({"next"}),),
         asks={view: frozenset({"log_prob"}) for view in ("surprise", "receptive field")},
         choice="image_ar_view",
         views=("pixels", "complete", "surprise", "receptive field"), topics=(
        Topic(17, "Images, one piece at a time", "image_ar_view=pixels",
              "The chain rule over patches: exact likelihood, and one evaluation for each patch.",
              "Watch images appear patch by patch", face="bmnist-ar"),
    )),
    Page("Flows", "flows", "flows", "chapters/flows/page.py", ":material/waves:", opens=("plane",),
         parameter="flow", needs=(frozenset({"decode", "encode", "log_prob"}),),
         asks={"layers": frozenset({"layers"})}, always=True,
         behind=("log_prob", "encode", "decode", "layers"), choice="flow_view",
         views=("density", "layers", "training", "transformations", "bend"), topics=(
        Topic(20, "Change of variables", "flow_view=density",
              "log p(x) is the log-density of the noise plus the log-determinants of the layers.",
              "Drag a point over a flow's density", face="gaussians8-flow-spline"),
        Topic(30, "The Jacobian, by hand", "flow_view=bend",
              "Without the factor |d f⁻¹/dx| a density does not integrate to one.",
              "Bend a map and watch the density follow", face="mixture1d-flow-spline"),
        Topic(40, "Transformations", "flow_view=transformations",
              "Affine, elementwise, affine coupling, spline: what each can and cannot do.",
              "Compare four kinds of flow", face="gaussians8-flow-affine-coupling"),
        Topic(50, "A chain of invertible layers", "flow_view=layers",
              "Simple transformations, composed, bend a Gaussian into the data.",
              "Scrub the layers of a flow", face="pinwheel-flow-spline"),
        Topic(60, "Maximum likelihood", "flow_view=training",
              "Before training the inverse flow sends data anywhere; after it, to a Gaussian.",
              "Scrub the training of a flow", face="moons-flow-spline"),
    )),
    Page("Flows on images", "flow-images", "flows", "chapters/flows/images/page.py",
         ":material/waves:", group="Images", opens=("image",), parameter="image_flow",
         needs=(frozenset({"decode", "log_prob"}),), asks={"round trip": frozenset({"encode"})},
         choice="image_flow_view",
         views=("samples", "walk", "round trip", "bits", "surprise"), topics=(
        Topic(65, "What a likelihood does not say", "image_flow_view=surprise",
              "A flow trained on clothes can rate digits as likelier: likely is not typical.",
              "Ask a flow about unseen images", face="mnist-flow"),
    )),
    Page("GANs", "gans", "gans", "chapters/gans/page.py", ":material/swords:", opens=("plane",),
         parameter="gan", needs=(frozenset({"critic", "decode"}),), always=True,
         behind=("decode", "critic"), choice="gan_view",
         views=("game", "training", "objectives", "optimal", "gradients"), topics=(
        Topic(70, "Generator against discriminator", "gan_view=game",
              "One network makes samples, the other tells them from data.",
              "Drag a latent point through a GAN", face="gaussians8-gan-relativistic"),
        Topic(80, "Alternating training", "gan_view=training",
              "Gradient ascent for the discriminator, descent for the generator, in turns.",
              "Scrub the training of a GAN", face="moons-gan-nonsaturating"),
        Topic(90, "Three objectives, and k", "gan_view=objectives",
              "Minimax, non-saturating and least squares from the same weights: who covers the "
              "data, who collapses?", "Race three objectives", face="gaussians8-gan-minimax"),
        Topic(100, "The best discriminator", "gan_view=optimal",
              "Against a fixed generator nothing beats D* = p / (p + q).",
              "Compare a discriminator with the best", face="gaussians8-gan-least-squares"),
        Topic(110, "The non-saturating trick", "gan_view=gradients",
              "A confident discriminator leaves the minimax loss no gradient; −log D leaves one.",
              "See how hard each loss pulls", face="gaussians8-gan-nonsaturating"),
    )),
    Page("GANs on images", "gan-images", "gans", "chapters/gans/images/page.py",
         ":material/swords:", group="Images", opens=("image",), parameter="image_gan",
         needs=(frozenset({"decode"}),), without=frozenset({"log_prob"}), choice="image_gan_view",
         views=("epochs", "walk", "round trips", "plane", "memory"), topics=(
        Topic(120, "Convolutions that draw", "image_gan_view=epochs",
              "A convolutional generator learns to draw what a convolutional discriminator takes "
              "for real.", "Scrub the epochs of an image GAN", face="mnist-gan"),
    )),
    Page("Forward", "forward", "diffusion", "chapters/diffusion/forward.py",
         ":material/water_drop:", always=True, at_start=("log_prob_t",), topics=(
        Topic(140, "The diffused data distribution", "",
              "q(xₜ) is the data distribution, shrunk and blurred, on its way to a Gaussian.",
              "Watch the data dissolve", face="gaussians8-exact"),
    )),
    Page("Reverse step", "reverse", "diffusion", "chapters/diffusion/reverse_step.py",
         ":material/undo:", always=True, topics=(
        Topic(150, "The true denoising distribution", "",
              "One step back is nearly Gaussian if it is small, and far from it if it is large.",
              "Play the size of the step back", face="mixture1d-ddpm"),
    )),
    Page("Diffusion", "diffusion", "diffusion", "chapters/diffusion/page.py", ":material/grain:",
         opens=("plane",), parameter="ddpm", needs=(frozenset({"denoise"}),), always=True,
         choice="ddpm_view", views=("trajectory", "race", "field", "likelihood"), topics=(
        Topic(160, "Forward and reverse diffusion", "",
              "Noise the data step by step; learn to walk back.",
              "Play a diffusion, there and back", face="spirals-ddpm"),
    )),
    Page("Diffusion on images", "diffusion-images", "diffusion",
         "chapters/diffusion/images/page.py", ":material/grain:", group="Images", opens=("image",),
         parameter="image_ddpm", needs=(frozenset({"denoise"}),), choice="image_view",
         views=("generate", "forward", "compare", "inpaint", "bits"), topics=(
        Topic(170, "From noise to images", "image_view=generate",
              "The same walk in 784 dimensions, and beside each state the image it is heading for.",
              "Scrub the noise off sixty images", face="mnist-ddpm"),
        Topic(180, "Images on request", "image_view=compare",
              "Stronger guidance makes images more typical of their class, and more alike.",
              "Compare two strengths of guidance", face="fashion-ddpm"),
    )),
    Page("Generate to classify", "classify", "fits", "chapters/fits/classify.py",
         ":material/category:", always=True, choice="classify_view", views=("plane", "digits"),
         topics=(
        Topic(410, "Generative against discriminative", "classify_view=plane",
              "A density for each class classifies by Bayes's rule, and can be sampled too.",
              "Race naive Bayes against logistic regression", face="moons-exact"),
    )),
)

PARTS = (
    Part(0, "What it means to learn a distribution"),
    Part(20, "Flows"),
    Part(70, "Generative adversarial networks"),
    Part(130, "Diffusion"),
    Part(200, "Latent variables and style",
         ("Variational autoencoders", "Boltzmann machines", "StyleGAN")),
    Part(300, "Generative models today", ("Images from a prompt", "Transfer", "Video")),
    Part(400, "What they are good for", ("Compression", "Representations")),
)
"""The parts of the lecture in its order."""
# fmt: on


def shown(cards: Iterable[Card]) -> list[Page]:
    """The pages that are there with these models, in the order of the table."""
    known = list(cards)
    return [page for page in PAGES if page.always or any(map(page.can_open, known))]


def page_of(card: Card) -> Page | None:
    """The page on which a model is opened: the first of the table that can.

    Points for which there is no page of their own stand on Compare, beside others of their data.
    """
    compared = kind(card) == "plane" and card.verbs & MAKERS
    found = (page for page in PAGES if page.can_open(card))
    return next(found, named("compare") if compared else None)


def _wanting(card: Card) -> list[tuple[Page, list[str]]]:
    """The pages for models of this kind, each with the verbs that one lacks, fewest first."""
    fit = [page for page in PAGES if page.needs and kind(card) in page.opens]
    lacks = [(page, min((sorted(v - card.verbs) for v in page.needs), key=len)) for page in fit]
    return sorted(lacks, key=lambda each: len(each[1]))


def unshown(card: Card) -> str:
    """Why no page shows a model, and what would bring it to one."""
    has = f"No page shows it: it has the verbs {', '.join(sorted(card.verbs))}"
    near = _wanting(card)
    if not near:
        shape = " × ".join(map(str, card.event_shape))
        return f"{has}, and samples of {shape} numbers, which no page can draw."
    page, verbs = near[0]
    return f"{has}. With {' and '.join(verbs)} too it opens on {page.title}."


def value_of(card: Card) -> str:
    """What the parameter of a model's page says: its identifier, or on Compare its data set."""
    page = page_of(card)
    return card.dataset if page is not None and page.parameter == "dataset" else card.id


def named(path: str) -> Page:
    """The page of an address."""
    return next(page for page in PAGES if page.path == path)


def lecture() -> list[tuple[Topic, Page]]:
    """The lecture in its order, each topic with its page."""
    told = [(topic, page) for page in PAGES for topic in page.topics]
    return sorted(told, key=lambda each: each[0].place)
