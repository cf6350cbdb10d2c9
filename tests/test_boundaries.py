"""The arrows between the rooms of the house run one way only."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

FORBIDDEN = {
    "genlab/contract": {"torch", "streamlit", "plotly", "onnxruntime", "training", "dashboard"},
    "genlab": {"torch", "streamlit", "plotly", "training", "dashboard"},
    "training": {"streamlit", "plotly", "dashboard"},
    "dashboard": {"torch", "zuko", "training"},
}


def imports(path: Path) -> set[str]:
    """Full names of the modules that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module)
            if node.module == "genlab":  # its rooms, by their own names
                found = (found - {"genlab"}) | {f"genlab.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("room", FORBIDDEN)
def test_imports_stay_in_their_room(room: str) -> None:
    files = sorted((ROOT / room).rglob("*.py"))
    assert files, f"no files in {room}"
    for path in files:
        roots = {name.split(".")[0] for name in imports(path)}
        assert not roots & FORBIDDEN[room], f"{path.relative_to(ROOT)} imports across the border"


LAYERS = (
    {"contract"},
    {"runtime"},
    {"latents", "monotone", "measures", "tables"},
    {"autoregressive", "diffusion"},
    {"making"},
    {"model"},
    {"packing"},
    {"fits"},
    {"__init__", "__main__"},
)
"""The floors of the library, from the ground up: a room knows itself and the floors below."""
ROOMS = [(room, floor) for floor, rooms in enumerate(LAYERS) for room in sorted(rooms)]


@pytest.mark.parametrize(("room", "floor"), ROOMS, ids=[room for room, _ in ROOMS])
def test_rooms_of_the_library_know_only_those_below(room: str, floor: int) -> None:
    """Also where the import is for the type checker alone."""
    below = {room}.union(*LAYERS[:floor])
    files = sorted((ROOT / "genlab" / room).rglob("*.py")) or [ROOT / "genlab" / f"{room}.py"]
    for path in files:
        known = {name.split(".")[1] for name in imports(path) if name.startswith("genlab.")}
        assert known <= below, f"{path.relative_to(ROOT)} imports {known - below}"


def test_every_room_of_the_library_is_on_a_floor() -> None:
    found = (ROOT / "genlab").rglob("*.py")
    rooms = {path.relative_to(ROOT / "genlab").parts[0].removesuffix(".py") for path in found}
    assert rooms == {room for room, _ in ROOMS}


def test_scenes_and_plots_do_not_import_streamlit() -> None:
    files = [*(ROOT / "dashboard" / "chapters").glob("**/scenes/*.py")]
    files += (ROOT / "dashboard" / "plots").glob("*.py")
    files.append(ROOT / "dashboard" / "components" / "scene.py")
    assert len(files) > 20
    for path in files:
        assert "streamlit" not in {name.split(".")[0] for name in imports(path)}, path


BLOCKER = """
import sys
class Blocker:
    def find_spec(self, name, *_):
        if name.split(".")[0] in {modules}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Blocker())
"""


def run_without(modules: str, code: str) -> None:
    """Run `code` in a fresh interpreter in which importing any of the `modules` fails."""
    blocked = BLOCKER.format(modules=set(modules.split())) + code
    subprocess.run([sys.executable, "-c", blocked], cwd=ROOT, check=True, timeout=120)


def test_dashboard_pages_run_without_torch() -> None:
    run_without(
        "torch",
        "from streamlit.testing.v1 import AppTest; "
        "at = AppTest.from_file('dashboard/main.py', default_timeout=60).run(); "
        "assert not at.exception, at.exception; "
        "pages = [f'chapters/{name}/page.py' for name in ('flows', 'gans', 'diffusion')]; "
        "bad = [p for p in pages if at.switch_page(p).run().exception or at.error]; "
        "assert not bad, bad",
    )


def test_training_runs_without_streamlit() -> None:
    run_without("streamlit", "import training.cli, training.recipes, training.export.publish")


LIBRARY_ALONE = "torch streamlit plotly PIL rich training dashboard"


def test_library_samples_with_nothing_beside_it() -> None:
    run_without(
        LIBRARY_ALONE,
        "from genlab import load; "
        "assert load('moons-flow-spline').sample(10, seed=0).shape == (10, 2)",
    )


def test_command_line_runs_with_nothing_beside_the_library(tmp_path: Path) -> None:
    (tmp_path / "moons-exact").symlink_to(ROOT / "exported" / "moons-exact")
    for command in ("list", "check"):
        arguments = [command, str(tmp_path)]
        run_without(
            LIBRARY_ALONE, f"from genlab.__main__ import main; assert main({arguments!r}) == 0"
        )
