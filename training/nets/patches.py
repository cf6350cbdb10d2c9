"""Space to depth and back: four pixels become four channels.

A network that works on 14 × 14 places with four channels each costs a quarter of one on 28 × 28.
Written as reshapes that leave the batch to be found, so that a file need not ask for its size.
"""

from collections.abc import Sequence

from torch import Tensor


def space_to_depth(x: Tensor) -> Tensor:
    """[n, c, 2h, 2w] to [n, 4c, h, w]; channel 4c + 2i + j holds row offset i, column offset j."""
    _, c, h, w = x.shape
    cells = x.reshape(-1, c, h // 2, 2, w // 2, 2)
    return cells.permute(0, 1, 3, 5, 2, 4).reshape(-1, 4 * c, h // 2, w // 2)


def depth_to_space(x: Tensor) -> Tensor:
    """The inverse of `space_to_depth`."""
    _, c, h, w = x.shape
    cells = x.reshape(-1, c // 4, 2, 2, h, w)
    return cells.permute(0, 1, 4, 2, 5, 3).reshape(-1, c // 4, 2 * h, 2 * w)


def quarter(event_shape: Sequence[int]) -> tuple[int, int]:
    """Height and width of images [channels, height, width] at a quarter of their resolution.

    Raises:
        ValueError: They cannot be halved twice.
    """
    _, height, width = event_shape
    if height % 4 or width % 4:
        raise ValueError(f"sides of images must be multiples of 4, not {height} × {width}")
    return height // 4, width // 4
