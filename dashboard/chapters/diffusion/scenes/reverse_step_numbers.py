"""The numbers of the reverse step in words, driven by the numbers themselves."""

import math

import numpy as np

from genlab.diffusion.posterior_kl import LEAST, SMALL, ReverseSteps

BENT = 0.1  # a KL in nats from which the eye sees that the exact step is not Normal
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def nats(value: float) -> str:
    """A divergence in words short enough for a label."""
    if not math.isfinite(value):
        return "–"
    if value < LEAST:
        return f"< {power_of_ten(math.log10(LEAST))}"
    if 0.001 <= value < 10_000:
        return f"{value:.{3 if value < 0.1 else 2 if value < 100 else 0}f}"
    return rounded(value)


def rounded(value: float) -> str:
    """A number by its first digit, as it is printed."""
    digit, power = f"{value:.0e}".split("e")
    return f"{digit}·{power_of_ten(int(power))}"


def power_of_ten(exponent: float) -> str:
    """A power of ten as it is printed."""
    return f"10{str(round(exponent)).translate(RAISED)}"


def verdict(back: ReverseSteps, frame: int) -> str:
    """What the numbers of one step say, in words."""
    best, drawn, islands = back.kl_best[frame], back.kl_drawn[frame], back.islands(frame)
    if not math.isfinite(best):
        return (
            "The exact reverse step has features finer than the grid of the quadrature here (mass "
            f"{back.exact[frame].mass:.2f}): its divergences are left out."
        )
    if best <= SMALL:
        exact = (
            "**The exact step is all but Normal.** Its best Normal is off by "
            f"{nats(best)} nats: it would take {draws(best)} draws to have one nat of evidence "
            "against it."
        )
    elif islands > 1:
        exact = (
            f"**The exact step falls into {islands} islands, a Normal has one.** Even the best one "
            f"is off by {nats(best)} nats: it puts points into the water between them."
        )
    else:
        shape = "begins to bend" if best < BENT else "is no longer Normal"
        exact = f"**The exact step {shape}.** Even the best Normal is off by {nats(best)} nats."
    ddpm = (
        f"DDPM's Normal will do as well ({nats(drawn)} nats)."
        if drawn <= SMALL
        else f"DDPM's Normal is off by {nats(drawn)} nats: its variance β̃ is "
        f"{percent(back.share(frame))} the true one, for it pretends to know x₀."
    )
    limits = [back.reach(back.kl_best), back.reach(back.kl_drawn)]
    words = [f"up to {limit:,}" if limit else "not even 1" for limit in limits]
    size = (
        f"This step is {back.sizes[frame]:,} of {back.t:,}. From here a step stays within {SMALL} "
        f"nats with the best Normal {words[0]}, with DDPM's {words[1]}."
    )
    powers = [back.power(back.kl_best), back.power(back.kl_drawn)]
    small = (
        f"Small steps: the divergences grow with the powers {powers[0]:.1f} and {powers[1]:.1f} of "
        "the step (theory: 3 and 2)."
    )
    return "\n\n".join([exact, ddpm, size, *([small] if np.isfinite(powers).all() else [])])


def draws(kl: float) -> str:
    """About how many draws tell two distributions apart by one nat."""
    if kl < LEAST:
        return f"more than {power_of_ten(-math.log10(LEAST))}"
    count = 1 / kl
    return rounded(count) if count >= 100_000 else f"{float(f'{count:.1g}'):,.0f}"


def percent(share: float) -> str:
    """A share of something in words."""
    if share < 0.001:
        return "less than a thousandth of"
    return f"{100 * share:.0f} % of" if share >= 0.1 else f"{100 * share:.2g} % of"
