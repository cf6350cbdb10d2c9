"""What the parts of the diffusion page share."""

from itertools import count

_TURNS = count()


def again(name: str) -> str:
    """What a stage says back once it is painted: new each time, or it would be asked only once."""
    return f"{name} {next(_TURNS)}"
