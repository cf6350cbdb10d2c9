"""The numbers of the reverse step in words, which follow from the numbers themselves."""

import math

import numpy as np

from genlab.diffusion.posterior_kl import LEAST, SMALL, ReverseSteps

BENT = 0.1  # a KL in nats from which the eye sees that the exact step is not Gaussian
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


def verdict(back: ReverseSteps) -> str:
    """What the film says, in one sentence: how far back the steps are Gaussian."""
    best, drawn = back.reach(back.kl_best), back.reach(back.kl_drawn)
    if not np.isfinite(back.kl_best).any():
        return "The exact step has features finer than the grid here, so its KL is left out."
    first = f"up to {best:,} of {back.t:,}" if best else "not even of one"
    second = f"up to {drawn:,}" if drawn else "not even of one"
    return (
        f"From this xₜ a Gaussian is within {SMALL} nats of the exact step for steps {first}, "
        f"DDPM's Gaussian for steps {second}."
    )


def details(back: ReverseSteps, frame: int) -> list[str]:
    """What the numbers of one step say, in words."""
    best, drawn, peaks = back.kl_best[frame], back.kl_drawn[frame], back.islands(frame)
    said = f"**A step of {back.sizes[frame]:,} of {back.t:,}.** "
    if not math.isfinite(best):
        return [
            f"{said}The exact step has features finer than the grid of the quadrature (mass "
            f"{back.exact[frame].mass:.2f}, should be 1): its KL is left out."
        ]
    if best <= SMALL:
        said += (
            f"The exact step is nearly Gaussian: {nats(best)} nats from the best Gaussian, so that "
            f"it takes {draws(best)} samples to gather one nat of evidence against it."
        )
    elif peaks > 1:
        said += (
            f"The exact step has {peaks} separate peaks and a Gaussian has one, so even the best "
            f"Gaussian is {nats(best)} nats away: it puts mass between the peaks."
        )
    else:
        shape = "begins to bend" if best < BENT else "is not Gaussian"
        said += f"The exact step {shape}: the best Gaussian is {nats(best)} nats away."
    ddpm = f"DDPM's Gaussian is {nats(drawn)} nats away"
    if drawn > SMALL:
        ddpm += (
            f": its variance β̃ is {percent(back.share(frame))} the exact one, since β̃ takes x₀ "
            "for known"
        )
    powers = [back.power(back.kl_best), back.power(back.kl_drawn)]
    small = (
        f"For small steps the KL grows like the step to the power {powers[0]:.1f} for the best "
        f"Gaussian and {powers[1]:.1f} for DDPM's (theory: 3 and 2)."
    )
    return [said, f"{ddpm}.", *([small] if np.isfinite(powers).all() else [])]


def draws(kl: float) -> str:
    """About how many samples tell two distributions apart by one nat."""
    if kl < LEAST:
        return f"more than {power_of_ten(-math.log10(LEAST))}"
    count = 1 / kl
    return rounded(count) if count >= 100_000 else f"{float(f'{count:.1g}'):,.0f}"


def percent(share: float) -> str:
    """A share of something in words."""
    if share < 0.001:
        return "less than a thousandth of"
    return f"{100 * share:.0f} % of" if share >= 0.1 else f"{100 * share:.2g} % of"
