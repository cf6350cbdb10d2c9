"""What the lecture teaches and where the lab lets one touch it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """One part of the lecture: what it says, and the page and view where it is done."""

    name: str
    idea: str
    page: str | None
    query: tuple[tuple[str, str], ...] = ()
    look: str = ""


TOPICS = (
    Topic(
        "Inference and sampling",
        "A generative model answers one or both of: how likely is x, and give me a new x.",
        "chapters/compare/page.py",
        (),
        "Compare all families",
    ),
    Topic(
        "Change of variables",
        "log p(x) = log p(z) + Σ log|det|: the ledger of one point.",
        "chapters/flows/page.py",
        (("flow_view", "density"),),
        "Drag a point over a flow's density",
    ),
    Topic(
        "The Jacobian, bent by hand",
        "p(x) = N(f⁻¹(x)) |d f⁻¹/dx|: without the second factor nothing integrates to one.",
        "chapters/flows/page.py",
        (("flow_view", "bend"),),
        "Bend a map and watch the density follow",
    ),
    Topic(
        "Transformations",
        "Affine, elementwise, affine coupling, spline: what each can and cannot do.",
        "chapters/flows/page.py",
        (("flow_view", "transformations"),),
        "Compare four kinds of flow on the same data",
    ),
    Topic(
        "A chain of invertible layers",
        "Simple transformations, composed, bend a Gaussian into the data.",
        "chapters/flows/page.py",
        (("flow_view", "layers"),),
        "Scrub the layers of a flow",
    ),
    Topic(
        "Maximum likelihood",
        "Before training the inverse flow sends data anywhere; after it, to a Gaussian.",
        "chapters/flows/page.py",
        (("flow_view", "training"),),
        "Scrub the training of a flow",
    ),
    Topic(
        "Generator against discriminator",
        "One network forges, the other tells forgeries from data.",
        "chapters/gans/page.py",
        (("gan_view", "game"),),
        "Drag a latent point through a GAN",
    ),
    Topic(
        "Alternating training",
        "Ascend for the discriminator, descend for the generator, and hope for balance.",
        "chapters/gans/page.py",
        (("gan_view", "training"),),
        "Scrub the training of a GAN",
    ),
    Topic(
        "Three objectives, and k",
        "Minimax, non-saturating, least squares from the same weights: who covers, who collapses.",
        "chapters/gans/page.py",
        (("gan_view", "objectives"),),
        "Race three GAN objectives",
    ),
    Topic(
        "The best discriminator",
        "Against a fixed generator nothing beats D* = p / (p + q).",
        "chapters/gans/page.py",
        (("gan_view", "optimal"),),
        "Hold a discriminator against the best possible one",
    ),
    Topic(
        "The non-saturating trick",
        "A sure discriminator leaves minimax no gradient; −log D keeps it.",
        "chapters/gans/page.py",
        (("gan_view", "gradients"),),
        "See the pull of both losses on the same critic",
    ),
    Topic(
        "Convolutions that forge images",
        "A generator of convolutions paints what a critic of convolutions takes for real.",
        "chapters/gans/images/page.py",
        (("image_gan_view", "epochs"),),
        "Scrub an image GAN's epochs",
    ),
    Topic(
        "What a likelihood does not say",
        "A flow trained on clothes can find digits likelier: likely is not typical.",
        "chapters/flows/images/page.py",
        (("image_flow_view", "surprise"),),
        "Ask a flow about unseen images",
    ),
    Topic(
        "The diffused data distribution",
        "q(x_t) is the law of the data, shrunk and blurred, on its way to a Normal.",
        "chapters/diffusion/forward.py",
        (),
        "Watch the data dissolve, and drag one point of them",
    ),
    Topic(
        "The true denoising distribution",
        "q(x_s given x_t) is all but Normal for small steps, and no Normal at all for large ones.",
        "chapters/diffusion/reverse_step.py",
        (),
        "Play the size of the step back",
    ),
    Topic(
        "Forward and reverse diffusion",
        "Noise the data step by step; learn to walk back.",
        "chapters/diffusion/page.py",
        (),
        "Play a diffusion, forward and back",
    ),
    Topic(
        "From noise to images",
        "The same walk in 784 dimensions: every state beside the image it is taken for.",
        "chapters/diffusion/images/page.py",
        (("image_view", "generate"),),
        "Scrub the noise off sixty images at once",
    ),
    Topic(
        "Images on request",
        "Guidance enlarges what a class adds: more typical of it, and less different.",
        "chapters/diffusion/images/page.py",
        (("image_view", "compare"),),
        "Set two scales of guidance side by side on the same noise",
    ),
)
