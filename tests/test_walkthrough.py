"""CONTRIBUTING walks through the house; its blocks make a family, a condition and a page."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(
    r"^`(?P<path>[^`]+)`, (?:a new file|(?P<side>after|before) `(?P<line>[^`]+)`):\n\n"
    r"```python\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
ROOMS = {
    "training/families/coordinates.py",
    "training/recipes.py",
    "dashboard/chapters/coordinates/page.py",
    "dashboard/pages.py",
}
"""What the walk may touch, and nothing else."""

PAGE = """
from streamlit.testing.v1 import AppTest

app = AppTest.from_file("dashboard/main.py", default_timeout=60).run()
assert not app.exception, app.exception
app.switch_page("chapters/coordinates/page.py").run()
assert not app.exception and not app.error, (app.exception, app.error)
assert app.selectbox(key="coordinates").value == "moons-coordinates"
"""

SAMPLES = """
import sys
import numpy as np
from genlab import load
from genlab.making import can

model = load("moons-coordinates", folders=[sys.argv[1]])
assert can(model.card) == {"sample"}, can(model.card)
x = {half: model.sample(4_000, seed=1, condition={"half": half}) for half in (0, 1, 2)}
assert model.sample(4_000, seed=1).tobytes() == x[2].tobytes()  # no condition: its null value
assert x[0].tobytes() != x[2].tobytes()
middle = np.median(load("moons-exact", folders=[sys.argv[2]]).sample(20_000)[:, 0])
assert (x[0][:, 0] < middle).mean() > 0.9 and (x[1][:, 0] > middle).mean() > 0.9
assert 0.3 < (x[2][:, 0] < middle).mean() < 0.7
"""


def walk(house: Path) -> set[str]:
    """Put every block of the walk where it says; the paths that were touched."""
    touched = set()
    for block in BLOCK.finditer((ROOT / "CONTRIBUTING.md").read_text()):
        place = house / block["path"]
        touched.add(block["path"])
        if block["side"] is None:
            assert not place.exists(), f"{place} is no new file"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(block["code"])
            continue
        lines = place.read_text().splitlines(keepends=True)
        at = [i for i, line in enumerate(lines) if line.rstrip("\n") == block["line"]]
        assert len(at) == 1, f"{block['path']} has {len(at)} lines {block['line']!r}"
        index = at[0] + (block["side"] == "after")
        place.write_text("".join([*lines[:index], block["code"], *lines[index:]]))
    return touched


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the code, with the one exported model that the walk is compared with."""
    house = tmp_path / "house"
    for room in ("genlab", "training", "dashboard", "exported/moons-exact"):
        shutil.copytree(ROOT / room, house / room, ignore=shutil.ignore_patterns("__pycache__"))
    (house / "exported" / "data").mkdir()
    shutil.copy(ROOT / "exported" / "data" / "moons.npz", house / "exported" / "data")
    shutil.copy(ROOT / "pyproject.toml", house)
    return house


def test_the_walk_through_the_house_leads_to_a_page(house: Path) -> None:
    assert walk(house) == ROOMS
    environment = os.environ | {"PYTHONPATH": str(house), "GENERATIVE_MODELS": ""}

    def python(*arguments: str) -> str:
        command = [sys.executable, *arguments]
        done = subprocess.run(
            command, cwd=house, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    recipe = ["moons-coordinates", "--steps", "400", "--snapshots", "2"]
    python("-m", "training", "train", *recipe)
    python("-m", "training", "export", "moons-coordinates")
    assert "moons-coordinates" in python("-m", "genlab", "check", "exported")
    python("-c", SAMPLES, "exported", "exported")
    python("-c", PAGE)
    lint = [*ROOMS, "--config", str(ROOT / "pyproject.toml")]
    python("-m", "ruff", "check", *lint)
