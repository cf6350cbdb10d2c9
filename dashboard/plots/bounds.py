"""How true a model's density is, in words: what a page says beside a number or a picture of it."""

from genlab.contract.card import Card, Metric

WORDS = {"exact": "exact", "lower": "lower bound", "estimate": "estimate"}
SIGNS = {"exact": "", "lower": " ≥", "estimate": " ≈"}
"""Between log p(x) and the number that a model gives for it."""
COSTS = {"exact": "", "lower": " ≤", "estimate": " ≈"}
"""The same of minus a log-density: KL, −log p(x), bits."""


def bound_of(card: Card) -> str:
    """`exact`, `lower` or `estimate`, as the card says; empty for a model without `log_prob`."""
    return (card.measure.bound or "") if "log_prob" in card.verbs else ""


def cost_of(card: Card, name: str) -> Metric | None:
    """The metric `kl` or `nll` of a card, of whatever the model gives for its density."""
    known = {metric.name: metric for metric in card.metrics}
    kinds = ("", "_bound", "_estimate")
    return next((known[name + kind] for kind in kinds if name + kind in known), None)


def inference(card: Card) -> str:
    """How p(x) is had: "exact", "lower bound", "estimate", in a way of its own, or "no"."""
    if bound := bound_of(card):
        return WORDS[bound]
    if "denoise" not in card.verbs:
        return "no"
    if card.space.kind == "image":
        return "variational bound"
    return "by ODE" if "divergence" in card.verbs else "no"


def density_words(card: Card) -> str:
    """What a picture of the density is: "density", or of what it is a bound or an estimate."""
    bound = bound_of(card)
    return "density" if bound in ("", "exact") else f"{WORDS[bound]} of the density"


def shown_density(card: Card) -> str:
    """The name of the layer that shows a model's density."""
    words = density_words(card)
    return "model density" if words == "density" else words


def bits_words(card: Card) -> str:
    """What bits per dimension are: the other way round, since they are minus a log-density."""
    return {"exact": "exact", "lower": "an upper bound"}.get(bound_of(card), "an estimate")
