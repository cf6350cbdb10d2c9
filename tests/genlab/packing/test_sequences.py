"""Packing of autoregressive files: values so far, or all places of an event at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import genlab
from genlab import load
from genlab.contract.errors import ContractError
from tests.toys import compiled

RNG = np.random.default_rng(1)

PIXELS = """p (int64[n,1,2,3] x) => (float[n,{order}] logits)
<float[1,4,1,1] q = {{0, 1, 2, 3}}> {{
  real = Cast<to = 1>(x)
  all = Mul(real, q)
  logits = Transpose<perm = [{perm}]>(all)
}}"""
"""Says of each place its own level times 0 to 3 (and so of an unknown place, zeros)."""


@pytest.mark.parametrize(("order", "perm"), [("4,2,3", "0,1,2,3"), ("2,3,4", "0,2,3,1")])
def test_all_places_at_once(tmp_path: Path, order: str, perm: str) -> None:
    (tmp_path / "p.onnx").write_bytes(compiled(PIXELS.format(order=order, perm=perm)))
    genlab.pack(
        tmp_path / "p.onnx", kind="autoregressive", std=1 / 3, id="dots-pixels", into=tmp_path / "m"
    )
    model = load("dots-pixels", device="cpu", folders=[tmp_path / "m"])
    assert model.card.event_shape == (1, 2, 3)
    known = np.float32([[1, 1 / 3, 2 / 3], [0, 1, 1 / 3]])
    said = model.run("next", known=known)["distribution"]
    np.testing.assert_array_equal(said, np.zeros((2, 4)))  # the next place is not known: zero
    assert model.run("next", known=np.zeros((2, 0), np.float32))["distribution"].shape == (2, 4)


def test_the_place_after_the_known_ones_is_asked(tmp_path: Path) -> None:
    """A network that says of each place the number of the place itself."""
    text = """p (float[n,6] x) => (float[n,6,1] out) <float[1,6,1] at = {0, 1, 2, 3, 4, 5},
    int64[1] axis = {2}, float zero = {0}> {
      none = Mul(x, zero)
      column = Unsqueeze(none, axis)
      out = Add(column, at) }"""
    (tmp_path / "p.onnx").write_bytes(compiled(text))
    genlab.pack(
        tmp_path / "p.onnx", kind="autoregressive", shape=(1, 2, 3), id="dots-made",
        into=tmp_path / "m",
    )  # fmt: skip
    model = load("dots-made", device="cpu", folders=[tmp_path / "m"])
    for t in range(6):
        known = RNG.random((2, t), np.float32)
        assert (model.run("next", known=known)["distribution"] == t).all()


SEQUENCE = """s (int64[n,t] tokens) => (float[n,t,2] logits)
<float[2] q = {1, 10}, int64[1] axis = {2}> {
  real = Cast<to = 1>(tokens)
  column = Unsqueeze(real, axis)
  logits = Mul(column, q)
}"""


def test_values_so_far_with_a_value_to_begin_with(tmp_path: Path) -> None:
    (tmp_path / "s.onnx").write_bytes(compiled(SEQUENCE))
    own = {"kind": "autoregressive", "id": "words-lm", "into": tmp_path / "m", "shape": (5,)}
    genlab.pack(tmp_path / "s.onnx", start=7, **own)
    model = load("words-lm", device="cpu", folders=[tmp_path / "m"])
    none = model.run("next", known=np.zeros((3, 0), np.float32))["distribution"]
    np.testing.assert_array_equal(none, [[7, 70]] * 3)
    some = model.run("next", known=np.float32([[1, 2], [3, 4]]))["distribution"]
    np.testing.assert_array_equal(some, [[2, 20], [4, 40]])


def test_a_sequence_that_cannot_begin_and_one_of_unknown_length_are_told(tmp_path: Path) -> None:
    (tmp_path / "s.onnx").write_bytes(compiled(SEQUENCE))
    own = {"kind": "autoregressive", "id": "words-lm", "into": tmp_path / "m"}
    with pytest.raises(ContractError, match="start"):
        genlab.pack(tmp_path / "s.onnx", shape=(5,), **own)
    with pytest.raises(ContractError) as caught:
        genlab.pack(tmp_path / "s.onnx", start=0, **own)
    assert caught.value.field == "shape"
