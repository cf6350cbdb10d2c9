"""Generative Models Lab, the library: exported generative models, opened, sampled and evaluated.

    from genlab import load

    load("moons-flow-spline").sample(1000, seed=0)  # [1000, 2] in data units

`genlab.contract` says what an exported model is, `genlab.runtime` runs one. Neither needs torch
or a dashboard; onnxruntime is imported when the first model is opened.
"""

from genlab.model import ExportedModel, Model, load

__all__ = ["ExportedModel", "Model", "load"]
