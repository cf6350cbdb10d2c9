"""The scripts of `genlab new`: each trains a moment, exports and packs; what comes out holds."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from genlab import load
from genlab.__main__ import main
from genlab.contract.catalogue import Catalogue
from genlab.packing.command import TEMPLATE, template
from genlab.runtime.check import check

ROOT = Path(__file__).parents[3]
QUICK = ("diffusion",)
"""Kinds that are tried at every run of the tests; an export takes seconds."""
VERBS = {
    "generator": {"decode", "critic"},
    "vae": {"decode", "encode"},
    "flow": {"log_prob", "encode", "decode"},
    "diffusion": {"denoise"},
    "diffusion-log-snr": {"denoise"},
    "autoregressive": {"next"},
    "classifier": {"classify"},
}


def test_there_is_a_script_of_each_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert set(get_args(TEMPLATE)) == VERBS.keys()
    for kind in VERBS:
        assert main(["new", kind, str(tmp_path / f"{kind}.py")]) == 0
        assert (tmp_path / f"{kind}.py").read_text() == template(kind)
    assert main(["new", "flow", str(tmp_path / "flow.py")]) == 1
    assert "already" in capsys.readouterr().err
    lint = ["ruff", "check", "--config", str(ROOT / "pyproject.toml"), "--ignore", "D102,D103"]
    subprocess.run([sys.executable, "-m", *lint, str(tmp_path)], check=True, timeout=60)


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=[] if kind in QUICK else [pytest.mark.slow]) for kind in VERBS],
)
def test_a_script_ends_in_a_model_that_the_contract_accepts(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", kind, "own.py"]) == 0
    script = Path("own.py").read_text()
    assert script.count("STEPS = 200") == 1
    Path("own.py").write_text(script.replace("STEPS = 200", "STEPS = 8"))
    runpy.run_path("own.py", run_name="__main__")
    (card,) = Catalogue([tmp_path / "models"]).cards.values()
    assert card.verbs == VERBS[kind]
    check(tmp_path / "models" / card.id)
    if kind == "autoregressive":  # which is asked with several lengths: no values of the original
        assert card.parity == {}
    else:
        assert max(card.parity.values()) <= 1e-4
    assert (tmp_path / "models" / "data" / f"{card.dataset}.npz").is_file()
    assert (card.thumbnail is not None) == bool(card.verbs & {"decode", "denoise", "next"})
    model = load(card.id, device="cpu", folders=[tmp_path / "models"])
    if card.verbs & {"decode", "denoise", "next"}:
        assert model.sample(3, seed=1).shape == (3, *card.event_shape)
