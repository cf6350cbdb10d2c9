"""One colour, one meaning, on every page: data, model, noise, critic."""

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

# The same roles as colour names of Streamlit's markdown.
INK: dict[Role, str] = {"data": "blue", "model": "orange", "noise": "violet", "critic": "green"}


def ink(role: Role, text: str) -> str:
    """Markdown of `text` in the colour of `role`."""
    return f":{INK[role]}[{text}]"
