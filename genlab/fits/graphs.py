"""The graphs of a fit: `log_prob` and `decode` in onnx's text format, its numbers as weights.

`decode` is a function of uniform numbers alone. The first chooses a bin, a point or a component by
the cumulative sums, by halving, so that ten thousand bins cost fourteen steps; the others say the
place in the bin, or become normal numbers by the inverse of their distribution function. What
decides at an edge is in double precision, as numpy's is, so that both choose the same.

    histogram       z = (which bin, place in it …)               [n, 1 + d]
    kernel density  z = (which point, how far from it …)         [n, 1 + d]
    mixture         z = (which component, how far from it …)     [n, 1 + d]

Reference: Wichura 1988, Algorithm AS 241: the percentage points of the normal distribution,
https://doi.org/10.2307/2347330
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from onnx import numpy_helper, parser

from genlab.fits.histogram import Histogram
from genlab.fits.kernel import KernelDensity
from genlab.fits.mixture import Mixture

Fit = Histogram | KernelDensity | Mixture
Float = NDArray[np.float64]
HEAD = '<ir_version: 10, opset_import: ["" : 20]>\n'
BLOCK = 1_024
"""Points of a kernel density whose distances to a batch are in memory at once."""
FAR = 1e18
"""Bandwidths from the data beyond which a distance is not told: its square is a float32 yet."""
LEAST = 2.0**-26
"""A uniform number next to 0 or 1 becomes ±5.5 standard deviations, and not infinity."""
MIDDLE = 0.425
"""A uniform number so near to ½ is in the middle part of Wichura's approximation."""
PARTS = {
    "a": [3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
          1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
          3.3430575583588128105e4, 2.5090809287301226727e3],
    "b": [1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
          2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4,
          5.2264952788528545610e3],
    "c": [1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
          3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
          2.27238449892691845833e-2, 7.74545014278341407640e-4],
    "d": [1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
          1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
          1.05075007164441684324e-9],
}  # fmt: skip
"""Coefficients, rising: numerator and denominator in the middle, and those in both tails."""


@dataclass(frozen=True)
class Units:
    """Data units of a fit of standardised points: x = shift + scale · standardised, each [d]."""

    shift: tuple[float, ...]
    scale: tuple[float, ...]

    @classmethod
    def of(cls, fit: Fit) -> Units:
        """Those of a fit of points as they are."""
        d = dimension(fit)
        return cls((0.0,) * d, (1.0,) * d)

    @property
    def log_volume(self) -> float:
        """Log of the volume of a standardised unit: how far log p is lower in data units."""
        return sum(map(math.log, self.scale))

    def standardised(self, x: NDArray[np.floating]) -> Float:
        """Points [n, d] of data units as the fit knows them."""
        return np.asarray((x.astype(np.float64) - self.shift) / self.scale)

    def data(self, x: NDArray[np.floating]) -> Float:
        """Points [n, d] of the fit in data units."""
        return np.asarray(x * np.asarray(self.scale) + self.shift)


def log_prob_graph(fit: Fit, units: Units | None = None) -> bytes:
    """The graph x [n, d] → log_prob [n] of a fit, in data units."""
    known = units or Units.of(fit)
    if isinstance(fit, Histogram):
        return _histogram_log_prob(fit, known)
    if isinstance(fit, KernelDensity):
        return _kernel_log_prob(fit, known)
    return _mixture_log_prob(fit, known)


def decode_graph(fit: Fit, units: Units | None = None) -> bytes:
    """The graph z [n, 1 + d] → x [n, d] of a fit, z uniform on [0, 1], x in data units."""
    known = units or Units.of(fit)
    if isinstance(fit, Histogram):
        return _histogram_decode(fit, known)
    if isinstance(fit, KernelDensity):
        return _kernel_decode(fit, known)
    return _mixture_decode(fit, known)


def dimension(fit: Fit) -> int:
    """How many numbers a point has."""
    if isinstance(fit, Histogram):
        return fit.mass.ndim
    return (fit.points if isinstance(fit, KernelDensity) else fit.means).shape[1]


def edges_of(masses: Float) -> Float:
    """Where a uniform number passes from one choice to the next: sums [at most k − 1] of [k].

    The number of edges that are at most z is the choice; none of mass zero is ever chosen.
    """
    last = int(np.flatnonzero(masses)[-1])
    return np.asarray(np.cumsum(masses)[:last] / masses.sum())


IN = """exact_x = Cast<to=11>(x)
      centred_x = Sub(exact_x, shift)
      wide = Div(centred_x, scale)"""
OUT = """scaled_x = Mul(exact, scale)
      exact_x = Add(scaled_x, shift)
      x = Cast<to=1>(exact_x)"""
DENSITY = """in_data_units = Sub(row, log_volume)
      log_prob = Cast<to=1>(in_data_units)"""


def _into(units: Units) -> str:
    """Constants of the way from data units and back."""
    return _reals(shift=units.shift, scale=units.scale, log_volume=units.log_volume)


def _compiled(text: str, **weights: np.ndarray) -> bytes:
    proto = parser.parse_model(HEAD + text)
    proto.graph.initializer.extend(numpy_helper.from_array(a, key) for key, a in weights.items())
    return bytes(proto.SerializeToString())


def _reals(**values: float | Sequence[float] | Float) -> str:
    """Double constants by name, scalars or [m], in onnx's text format."""
    parts = []
    for name, value in values.items():
        listed = np.atleast_1d(np.asarray(value, dtype=np.float64))
        size = f"[{len(listed)}]" if np.ndim(value) else ""
        parts.append(f"double{size} {name} = {{{', '.join(f'{v:.17g}' for v in listed)}}}")
    return ", ".join(parts)


def _wholes(**values: int | Sequence[int]) -> str:
    """Whole constants by name, scalars or [m]."""
    parts = []
    for name, value in values.items():
        listed = [value] if isinstance(value, int) else list(value)
        size = "" if isinstance(value, int) else f"[{len(listed)}]"
        parts.append(f"int64{size} {name} = {{{', '.join(map(str, listed))}}}")
    return ", ".join(parts)


def _halving(count: int) -> tuple[str, int]:
    """Steps from `u` [n] to `chosen` [n], how many of `count` edges are at most u; their padding.

    The weight `edges` must have as many numbers as is returned, those beyond the edges above one.
    """
    bits = count.bit_length()
    lines = ["level = Mul(u, naught)", f"chosen{bits} = Cast<to=7>(level)"]
    for bit in reversed(range(bits)):
        before = f"chosen{bit + 1}"
        lines += [
            f"half{bit} = Constant<value_int={2**bit}>()",
            f"ahead{bit} = Constant<value_int={2**bit - 1}>()",
            f"at{bit} = Add({before}, ahead{bit})",
            f"edge{bit} = Gather(edges, at{bit})",
            f"passed{bit} = LessOrEqual(edge{bit}, u)",
            f"one{bit} = Cast<to=7>(passed{bit})",
            f"stride{bit} = Mul(one{bit}, half{bit})",
            f"chosen{bit} = Add({before}, stride{bit})",
        ]
    return "\n".join([*lines, "chosen = Identity(chosen0)"]), max(1, 2**bits - 1)


def _search(masses: Float) -> tuple[str, Float]:
    """Those steps for some masses, and the weight."""
    edges = edges_of(masses)
    steps, size = _halving(len(edges))
    return steps, np.pad(edges, (0, size - len(edges)), constant_values=2.0)


def _polynomial(name: str, of: str) -> list[str]:
    """Horner's scheme: `name` = Σ c_i of^i."""
    c = PARTS[name]
    lines = [f"{name}7 = Identity({name}c7)"]
    for i in reversed(range(len(c) - 1)):
        lines += [
            f"{name}m{i} = Mul({name}{i + 1}, {of})",
            f"{name}{i} = Add({name}m{i}, {name}c{i})",
        ]
    return lines


NORMAL_CONSTANTS = _reals(
    **{f"{name}c{i}": c for name, part in PARTS.items() for i, c in enumerate(part)},
    middle=MIDDLE, middle2=MIDDLE**2, shifted=1.6, least=LEAST, most=1 - LEAST, mid=0.5, unit=1.0,
)  # fmt: skip
NORMAL = "\n".join(
    [
        "p = Clip(uniform, least, most)",
        "q = Sub(p, mid)",
        "q2 = Mul(q, q)",
        "r1 = Sub(middle2, q2)",
        *_polynomial("a", "r1"),
        *_polynomial("b", "r1"),
        "central0 = Div(a0, b0)",
        "central = Mul(q, central0)",
        "rest = Sub(unit, p)",
        "tail = Min(p, rest)",
        "log_tail = Log(tail)",
        "minus = Neg(log_tail)",
        "root = Sqrt(minus)",
        "r2 = Sub(root, shifted)",
        *_polynomial("c", "r2"),
        *_polynomial("d", "r2"),
        "outer0 = Div(c0, d0)",
        "sign = Sign(q)",
        "outer = Mul(outer0, sign)",
        "away = Abs(q)",
        "near = LessOrEqual(away, middle)",
        "normal = Where(near, central, outer)",
    ]
)
"""From `uniform` to `normal`, any shape: the inverse of the normal distribution function."""


def _uniforms(d: int) -> tuple[str, str]:
    """Constants, and steps from z to `u` [n], which one, and `uniform` [n, d], where."""
    constants = _wholes(first=0, others=range(1, 1 + d)) + ", " + _reals(naught=0.0)
    steps = """
      wide = Cast<to=11>(z)
      u = Gather<axis=1>(wide, first)
      uniform = Gather<axis=1>(wide, others)"""
    return constants, steps


def _histogram_decode(fit: Histogram, units: Units) -> bytes:
    (constants, steps), d = _uniforms(fit.mass.ndim), fit.mass.ndim
    search, edges = _search(fit.mass.ravel())
    low, step, strides, shape = _axes(fit)
    more = _wholes(strides=strides, shape=shape, axis=[1]) + ", " + _reals(low=low, step=step)
    text = f"""decode (float[n,{1 + d}] z) => (float[n,{d}] x)
    <{constants}, {more}, {_into(units)}> {{ {steps}
      {search}
      column = Unsqueeze(chosen, axis)
      rows = Div(column, strides)
      bins = Mod(rows, shape)
      bin = Cast<to=11>(bins)
      place = Add(bin, uniform)
      along = Mul(place, step)
      exact = Add(along, low)
      {OUT}
    }}"""
    return _compiled(text, edges=edges)


def _axes(fit: Histogram) -> tuple[Float, Float, list[int], list[int]]:
    """Low ends [d], widths of a bin [d], strides [d] in the flat table, and bins [d]."""
    low, high = np.array(fit.box, dtype=np.float64).T
    shape = list(fit.mass.shape)
    strides = [math.prod(shape[i + 1 :]) for i in range(len(shape))]
    return low, (high - low) / np.array(shape), strides, shape


def _histogram_log_prob(fit: Histogram, units: Units) -> bytes:
    low, _, strides, shape = _axes(fit)
    high = np.array(fit.box, dtype=np.float64)[:, 1]
    constants = _reals(
        low=low, high=high, width=high - low, bins=[float(k) for k in shape],
        last=[k - 1.0 for k in shape], none=[0.0] * len(shape), naught=0.0,
    )  # fmt: skip
    text = f"""log_prob (float[n,{len(shape)}] x) => (float[n] log_prob)
    <{constants}, {_into(units)}, {_wholes(strides=strides, axis=[1])}> {{
      {IN}
      above = GreaterOrEqual(wide, low)
      below = LessOrEqual(wide, high)
      within = And(above, below)
      flags = Cast<to=7>(within)
      whole = ReduceMin<keepdims=1>(flags, axis)
      inside = Cast<to=9>(whole)
      safe = Where(inside, wide, low)
      off = Sub(safe, low)
      share = Div(off, width)
      place = Mul(share, bins)
      floor = Floor(place)
      capped = Min(floor, last)
      bin = Max(capped, none)
      index = Cast<to=7>(bin)
      strided = Mul(index, strides)
      flat = ReduceSum<keepdims=1>(strided, axis)
      there = Gather(density, flat)
      found = Where(inside, there, naught)
      log = Log(found)
      row = Squeeze(log, axis)
      {DENSITY}
    }}"""
    return _compiled(text, density=np.asarray((fit.mass / fit.volume).ravel(), np.float64))


def _kernel_decode(fit: KernelDensity, units: Units) -> bytes:
    m, d = fit.points.shape
    constants, steps = _uniforms(d)
    more = _reals(count=float(m), last=m - 1.0, width=fit.bandwidth)
    text = f"""decode (float[n,{1 + d}] z) => (float[n,{d}] x)
    <{constants}, {more}, {_into(units)}, {NORMAL_CONSTANTS}> {{ {steps}
      scaled = Mul(u, count)
      floor = Floor(scaled)
      capped = Min(floor, last)
      chosen = Cast<to=7>(capped)
      near_one = Gather(points, chosen)
      centre = Cast<to=11>(near_one)
      {NORMAL}
      noise = Mul(normal, width)
      exact = Add(centre, noise)
      {OUT}
    }}"""
    return _compiled(text, points=fit.points.astype(np.float32))


def _log_sum_exp(name: str, of: str) -> str:
    """`name` [n, 1] = log Σ exp of [n, m]."""
    return f"""
      {name}_most = ReduceMax<keepdims=1>({of}, axis)
      {name}_less = Sub({of}, {name}_most)
      {name}_exp = Exp({name}_less)
      {name}_sum = ReduceSum<keepdims=1>({name}_exp, axis)
      {name}_log = Log({name}_sum)
      {name} = Add({name}_log, {name}_most)"""


def _kernel_log_prob(fit: KernelDensity, units: Units) -> bytes:
    """Block by block, so that a batch needs a few megabytes and not all distances at once."""
    m, d = fit.points.shape
    h, middle = fit.bandwidth, fit.points.mean(0)
    norm = math.log(m) + d * math.log(h) + 0.5 * d * math.log(2 * math.pi) + units.log_volume
    sizes = [min(BLOCK, m - at) for at in range(0, m, BLOCK)]
    lines = [f"low{c} = Gather<axis=1>(held, axis{c})" for c in range(d)]
    for b in range(len(sizes)):
        for c in range(d):
            lines += [
                f"p{b}_{c} = Gather(block{b}, axis{c})",
                f"away{b}_{c} = Sub(low{c}, p{b}_{c})",
                f"scaled{b}_{c} = Mul(away{b}_{c}, inverse)",
                f"square{b}_{c} = Mul(scaled{b}_{c}, scaled{b}_{c})",
            ]
        squares = [f"square{b}_{c}" for c in range(d)]
        lines.append(f"squares{b} = Sum({', '.join(squares)})")
        lines.append(f"energy{b} = Mul(squares{b}, minus_half)")
        lines.append(_log_sum_exp(f"part{b}", f"energy{b}"))
    blocks, parts = (
        ", ".join(f"{name}{b}" for b in range(len(sizes))) for name in ("block", "part")
    )
    constants = ", ".join(
        f"float{f'[{len(v)}]' if np.ndim(v) else ''} {name} = "
        f"{{{', '.join(f'{each:.9g}' for each in np.atleast_1d(v))}}}"
        for name, v in {
            "inverse": 1 / h, "minus_half": -0.5, "norm": norm,
            "near": middle - FAR * h, "far": middle + FAR * h,
        }.items()
    )  # fmt: skip
    axes = _wholes(axis=[1], sizes=sizes, **{f"axis{c}": [c] for c in range(d)})
    text = f"""log_prob (float[n,{d}] x) => (float[n] log_prob)
    <{constants}, {axes}, {_into(units)}> {{
      {IN}
      narrow = Cast<to=1>(wide)
      above = Max(narrow, near)
      held = Min(above, far)
      across = Transpose<perm=[1, 0]>(points)
      {blocks} = Split<axis=1>(across, sizes)
      {chr(10).join(lines)}
      all = Concat<axis=1>({parts})
      {_log_sum_exp("total", "all")}
      row = Squeeze(total, axis)
      log_prob = Sub(row, norm)
    }}"""
    return _compiled(text, points=fit.points.astype(np.float32))


def _alive(fit: Mixture) -> NDArray[np.bool_]:
    """Components that have any weight: a weight of zero has no logarithm and adds nothing."""
    return np.asarray(fit.weights > 0)


def _mixture_log_prob(fit: Mixture, units: Units) -> bytes:
    alive = _alive(fit)
    k, d = fit.means[alive].shape
    factors = np.linalg.cholesky(np.linalg.inv(fit.covariances[alive]))  # precision = L Lᵀ
    log_det = np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(1)
    scores = np.log(fit.weights[alive]) + log_det - 0.5 * d * math.log(2 * math.pi)
    flat = factors.transpose(1, 0, 2).reshape(d, k * d)
    shifts = np.einsum("kd,kde->ke", fit.means[alive], factors).reshape(k * d)
    text = f"""log_prob (float[n,{d}] x) => (float[n] log_prob)
    <{_reals(minus_half=-0.5)}, {_into(units)}, {_wholes(axis=[1], last=[2], shape=[-1, k, d])}> {{
      {IN}
      turned = MatMul(wide, factors)
      off = Sub(turned, shifts)
      each = Reshape(off, shape)
      square = Mul(each, each)
      squares = ReduceSum<keepdims=0>(square, last)
      energy = Mul(squares, minus_half)
      joint = Add(energy, scores)
      {_log_sum_exp("total", "joint")}
      row = Squeeze(total, axis)
      {DENSITY}
    }}"""
    return _compiled(text, factors=flat, shifts=shifts, scores=scores)


def _mixture_decode(fit: Mixture, units: Units) -> bytes:
    (constants, steps), d, alive = _uniforms(dimension(fit)), dimension(fit), _alive(fit)
    search, edges = _search(fit.weights[alive])
    text = f"""decode (float[n,{1 + d}] z) => (float[n,{d}] x)
    <{constants}, {_into(units)}, {_wholes(axis=[1], last=[2])}, {NORMAL_CONSTANTS}> {{ {steps}
      {search}
      {NORMAL}
      centre = Gather(means, chosen)
      factor = Gather(factors, chosen)
      across = Unsqueeze(normal, axis)
      turned = Mul(factor, across)
      noise = ReduceSum<keepdims=0>(turned, last)
      exact = Add(centre, noise)
      {OUT}
    }}"""
    means, factors = fit.means[alive], np.linalg.cholesky(fit.covariances[alive])
    return _compiled(text, edges=edges, means=means.astype(np.float64), factors=factors)
