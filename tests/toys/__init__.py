"""One factory for tiny models with known answers: graphs of a few nodes, written with onnx alone.

`points`, `images`, `sequences` and `states` have a function for each kind of model. Each gives a
`Toy`, card and files as an exporter hands them over, which publishes itself into a folder like any
other model:

    toys.images.gan("icons-gan-toy", (3, 32, 32)).publish(folder)

Stored answers are computed in float64 by the formula of the function's docstring; keywords that a
function does not know are fields of the card. Nothing here needs torch.
"""

from tests.toys import images, points, sequences, states
from tests.toys.parts import Toy, card, compiled, toy

__all__ = ["Toy", "card", "compiled", "images", "points", "sequences", "states", "toy"]
