"""Words can be read in both themes, and charts leave the page to the finger that scrolls it."""

import ast
import re
import tomllib
from pathlib import Path

import plotly.graph_objects as go
import pytest

from dashboard.plots.charts import dress
from dashboard.plots.theme import INK, STILL, WORDS

ROOT = Path(__file__).parents[3]
THEMES = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]
LEAST = 4.5
"""Contrast of small words with what is behind them (WCAG 2.2, 1.4.3)."""

Colour = tuple[float, ...]


def srgb(code: str) -> Colour:
    return tuple(int(code[i : i + 2], 16) / 255 for i in (1, 3, 5))


def contrast(one: Colour, other: Colour) -> float:
    def luminance(colour: Colour) -> float:
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in colour]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast(srgb("#000000"), srgb("#ffffff")) == pytest.approx(21)
    assert contrast(srgb("#767676"), srgb("#ffffff")) == pytest.approx(4.54, abs=0.005)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_words_in_the_colour_of_a_role_can_be_read(theme: str) -> None:
    tokens = THEMES[theme]
    for name in INK.values():
        for behind in ("backgroundColor", "secondaryBackgroundColor"):
            found = contrast(srgb(tokens[f"{name}TextColor"]), srgb(tokens[behind]))
            assert found >= LEAST, (name, behind, found)


def test_words_take_their_colours_in_the_order_of_the_roles() -> None:
    source = (ROOT / "dashboard" / "components" / "web" / "colour.js").read_text()
    roles = re.search(r"const ROLES = \{(.*?)\};", source)
    assert roles
    assert re.findall(r'(\w+): \["(\w+)"', roles[1]) == list(INK.items())


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_captions_can_be_read(theme: str) -> None:
    rule = re.search(r"currentColor (\d+)%", (ROOT / "dashboard" / "page.css").read_text())
    assert rule
    share = int(rule[1]) / 100
    text, behind = (srgb(THEMES[theme][name]) for name in ("textColor", "backgroundColor"))
    mixed = tuple(share * a + (1 - share) * b for a, b in zip(text, behind, strict=True))
    assert contrast(mixed, behind) >= LEAST


def test_a_chart_is_not_zoomed_and_its_axes_can_be_read() -> None:
    figure = dress(go.Figure(), "step", "loss")
    assert figure.layout.dragmode is False
    for axis, words in ((figure.layout.xaxis, "step"), (figure.layout.yaxis, "loss")):
        assert axis.fixedrange
        assert axis.title.text == words
        assert axis.title.font.color == axis.tickfont.color == WORDS
    assert STILL["modeBarButtons"] == [["toImage"]]


def test_every_chart_is_shown_still() -> None:
    seen = 0
    for path in (ROOT / "dashboard").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "plotly_chart":
                seen += 1
                given = {word.arg: ast.unparse(word.value) for word in node.keywords}
                assert given.get("config", "").startswith("STILL"), f"{path}:{node.lineno}"
    assert seen
