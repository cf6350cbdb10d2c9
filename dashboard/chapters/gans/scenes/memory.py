"""How near samples come to the images of a reference set, beside held-out images."""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.components.scene import Role
from dashboard.plots.charts import dress
from dashboard.plots.theme import CHART

Array = NDArray[np.floating]


def distance_chart(held_out: Array, made: Array, chosen: float, kind: str) -> go.Figure:
    """Histograms of the distances to the nearest `kind` image: of held-out images and of samples.

    `chosen` is marked by a line.
    """
    top = 1.05 * float(np.concatenate([held_out, made, [chosen]]).max())
    bins = {"start": 0.0, "end": top, "size": top / 40}
    figure = go.Figure()
    rows: dict[str, tuple[Array, Role]] = {
        "held-out test images": (held_out, "data"),
        "samples of the generator": (made, "model"),
    }
    for name, (values, role) in rows.items():
        figure.add_histogram(
            x=values,
            name=name,
            histnorm="percent",
            xbins=bins,
            marker={"color": CHART[role]},
            opacity=0.6,
            hovertemplate="%{x}<br>%{y:.1f} %<extra>" + name + "</extra>",
        )
    figure.add_vline(x=chosen, line={"color": CHART["model"], "width": 3})
    dress(figure, f"distance to the nearest {kind} image (pixels in 0..1)", "% of images")
    return figure.update_layout(barmode="overlay", hovermode="closest")
