"""How near samples come to the images of a reference set, beside held-out images."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.components.scene import Role
from dashboard.plots.charts import dress

Array = NDArray[np.floating]


def distance_chart(
    held_out: Array, made: Array, chosen: float, colours: Mapping[Role, str], names: tuple[str, str]
) -> go.Figure:
    """Histograms of the distances to the nearest image: of held-out images and of the samples.

    `chosen` is marked by a line; `names` are those of the two histograms.
    """
    top = 1.05 * float(np.concatenate([held_out, made, [chosen]]).max())
    bins = {"start": 0.0, "end": top, "size": top / 40}
    figure = go.Figure()
    rows: list[tuple[Array, Role, str]] = [(held_out, "data", names[0]), (made, "model", names[1])]
    for values, role, name in rows:
        figure.add_histogram(
            x=values,
            name=name,
            histnorm="percent",
            xbins=bins,
            marker={"color": colours[role]},
            opacity=0.6,
            hovertemplate="%{x}<br>%{y:.1f} %<extra>" + name + "</extra>",
        )
    figure.add_vline(x=chosen, line={"color": colours["model"], "width": 3})
    dress(figure, "distance to the nearest training image (pixels in 0..1)", "% of images")
    return figure.update_layout(barmode="overlay", hovermode="closest")
