"""When two results count as the same."""

from pathlib import Path

import numpy as np
import pytest

from genlab.contract.errors import ContractError
from genlab.contract.files import read_npz, write_npz
from genlab.contract.publish import read
from genlab.runtime.agreement import TOLERANCE, compared, difference
from genlab.runtime.check import check
from tests.toys import Toy
from tests.toys.sequences import patches


def test_logits_count_by_their_masses(tmp_path: Path) -> None:
    card = read(tmp_path / patches("square-ar").publish(tmp_path))
    logits = np.array([[0.0, 0.5, -16.0]])
    same = logits + np.array([[3.0, 3.0, 3.3]])  # moved as one, and a thin tail beside
    other = logits + np.array([[0.0, 1e-3, 0.0]])
    distances = [
        difference(*(compared(card, "distribution", side) for side in (logits, each)))
        for each in (same, other)
    ]
    assert distances[0] <= TOLERANCE < distances[1]
    assert compared(card, "log_prob", logits) is logits
    np.testing.assert_allclose(compared(card, "terms", logits), np.exp(logits))


def test_a_distribution_that_differs_is_told(tmp_path: Path) -> None:
    card, files = patches("square-ar").parts()
    stored = dict(read_npz(files["check.npz"]))
    stored["next/2/out/distribution"] = stored["next/2/out/distribution"] * np.float32(1.01)
    folder = tmp_path / Toy(card, files | {"check.npz": write_npz(stored)}).publish(tmp_path)
    with pytest.raises(ContractError, match="parity of next at n = 2"):
        check(folder)
