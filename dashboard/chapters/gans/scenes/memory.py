"""How near samples come to the images of a reference set, beside held-out images."""

import numpy as np
import plotly.graph_objects as go

from dashboard.plots.charts import histograms
from dashboard.plots.theme import CHART
from genlab.model import Array


def distance_chart(held_out: Array, made: Array, chosen: float, kind: str) -> go.Figure:
    """Histograms of the distances to the nearest `kind` image: of held-out images and of samples.

    `chosen` is marked by a line.
    """
    top = 1.05 * float(np.concatenate([held_out, made, [chosen]]).max())
    rows = {"held-out test images": held_out, "samples of the generator": made}
    colours = dict(zip(rows, (CHART["data"], CHART["model"]), strict=True))
    words = f"distance to the nearest {kind} image (pixels in 0..1)"
    return histograms(rows, colours, (0.0, top, top / 40), words, marked=chosen)
