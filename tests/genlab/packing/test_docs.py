"""`docs/own-model.md`: its examples run on files as it describes them, its table is that of pages.

`python tests/genlab/packing/test_docs.py` writes the table anew.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from dashboard.pages import PAGES
from genlab.__main__ import main
from genlab.contract.catalogue import Catalogue
from tests.toys import compiled

DOC = Path(__file__).parents[3] / "docs" / "own-model.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ROWS = re.compile(r"(<!-- pages: .*? -->\n).*?(<!-- end of pages -->)", re.DOTALL)

IMAGE = "float[n,3,8,8]"
RNG = np.random.default_rng(0)
AXES = "int64[3] axes = {1, 2, 3}"
FLOW = """<float half = {-0.5}, float c = {-1.837877}, int64[1] axis = {1}> {
  latents = Identity(x)
  square = Mul(x, x)
  sum = ReduceSum<keepdims = 0>(square, axis)
  scaled = Mul(sum, half)
  log_prob = Add(scaled, c) }"""
FILES = {
    "generator": f"""g (float[n,4,1,1] z) => ({IMAGE} image)
      <int64[2] flat = {{-1, 4}}, int64[4] shape = {{-1, 3, 8, 8}}> {{
        rows = Reshape(z, flat)
        h = MatMul(rows, W)
        t = Tanh(h)
        image = Reshape(t, shape) }}""",
    "critic": f"c ({IMAGE} image) => (float[n] y) <{AXES}> "
    "{ y = ReduceMean<keepdims = 0>(image, axes) }",
    "decoder": "d (float[n,4] z) => (float[n,64] logits) { logits = MatMul(z, V) }",
    "flow": f"f (float[n,2] x) => (float[n] log_prob, float[n,2] latents) {FLOW}",
    "inverse": "i (float[n,2] z) => (float[n,2] x) { x = Identity(z) }",
    "unet": f"u ({IMAGE} sample, int64[n] timestep) => ({IMAGE} out) {{ out = Tanh(sample) }}",
    "labelled": f"""u ({IMAGE} sample, int64[n] timestep, int64[n] class_labels) => ({IMAGE} out)
      <{AXES}> {{ real = Cast<to = 1>(class_labels)
        level = Unsqueeze(real, axes)
        moved = Add(sample, level)
        out = Tanh(moved) }}""",
    "continuous": f"u ({IMAGE} x, float[n] log_snr) => ({IMAGE} v) {{ v = Tanh(x) }}",
    "pixels": """p (int64[n,1,4,4] x) => (float[n,4,4,4] logits) <float[1,4,1,1] q = {0, 1, 2, 3}> {
        real = Cast<to = 1>(x)
        logits = Mul(real, q) }""",
    "classifier": """c (float[n,8,8,3] x) => (float[n,2] y)
      <int64[2] axes = {1, 2}, int64[1] from = {0}, int64[1] to = {2}, int64[1] axis = {1}> {
        m = ReduceMean<keepdims = 0>(x, axes)
        y = Slice(m, from, to, axis) }""",
}
"""Files of the names in the examples: what engineers bring, in a few nodes."""
WEIGHTS = {
    "generator": {"W": RNG.standard_normal((4, 192)).astype(np.float32)},
    "decoder": {"V": RNG.standard_normal((4, 64)).astype(np.float32)},
}


def test_the_examples_run_and_make_models_that_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        Path(f"{name}.onnx").write_bytes(compiled(text, **WEIGHTS.get(name, {})))
    np.savetxt("points.csv", RNG.standard_normal((50, 2)), delimiter=",", header="x,y", comments="")
    blocks = BLOCK.findall(DOC.read_text())
    text = "\n".join(blocks).replace('"pixels.onnx",', '"pixels.onnx", thumbnail=False,')
    exec(compile(text, str(DOC), "exec"), {})
    cards = Catalogue(["models"]).cards
    assert len(cards) == len(blocks) == 9
    assert set().union(*(card.verbs for card in cards.values())) >= {
        "decode", "critic", "log_prob", "encode", "denoise", "next", "classify"
    }  # fmt: skip
    assert main(["check", "models"]) == 0
    assert Path("models/data/rings2.npz").is_file()
    assert cards["rings2-flow"].provenance.data_sha256


def test_every_kind_of_script_is_named() -> None:
    from typing import get_args

    from genlab.packing.command import TEMPLATE

    assert all(f"`{kind}`" in DOC.read_text() for kind in get_args(TEMPLATE))


def table() -> str:
    """Pages that open models, with the kinds and the sets of verbs that each asks for."""
    lines = ["| page | of | verbs |", "|---|---|---|"]
    for page in PAGES:
        if page.opens:
            sets = [" ".join(f"`{verb}`" for verb in sorted(verbs)) for verbs in page.needs]
            lines.append(
                f"| {page.title} | {', '.join(page.opens)} | {', or '.join(sets) or 'any'} |"
            )
    return "\n".join(lines)


def renewed() -> str:
    """The document with the table as it should be."""
    return ROWS.sub(lambda found: f"{found[1]}{table()}\n{found[2]}", DOC.read_text())


def test_the_table_of_pages_is_that_of_the_dashboard() -> None:
    assert renewed() == DOC.read_text(), "python tests/genlab/packing/test_docs.py writes it anew"


if __name__ == "__main__":
    DOC.write_text(renewed())
