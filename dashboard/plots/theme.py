"""One colour, one meaning, on every page: data, model, noise, critic; and how charts behave."""

from typing import Any

from dashboard.components.scene import Role

# The theme's categorical colours, in the order of `.streamlit/config.toml`. Streamlit's charts
# carry these place-holders and the browser puts in the colours of the theme that is on, so that
# a chart follows a change between light and dark without a rerun.
CHART: dict[Role, str] = {
    "data": "#000001",
    "model": "#000002",
    "noise": "#000003",
    "critic": "#000004",
}

# The place-holder of the strong grey of Streamlit's charts, for the words on axes: by itself it
# gives them one that is 3.6:1 on the light page.
WORDS = "#000037"

# What charts are shown with. Nothing on them is zoomed, so that a swipe over one scrolls the page;
# of tools there is the file alone, under the mouse (page.css hides it where there is none).
STILL: dict[str, Any] = {
    "displayModeBar": "hover",
    "modeBarButtons": [["toImage"]],
    "displaylogo": False,
    "scrollZoom": False,
    "doubleClick": False,
}

# The same roles as colour names of Streamlit's markdown.
INK: dict[Role, str] = {"data": "blue", "model": "orange", "noise": "violet", "critic": "green"}


def ink(role: Role, text: str) -> str:
    """Markdown of `text` in the colour of `role`."""
    return f":{INK[role]}[{text}]"
