"""A residual block of convolutions, for the families of images."""

from torch import Tensor, nn
from torch.nn import functional as F

from training.nets.precise import convolve, normalise, silu

GROUPS = 8


class Residual(nn.Module):
    """Two 3 × 3 convolutions around a short cut; GroupNorm, since a row must not see its batch.

    Arguments:
        width: Channels.
        dropout: Share of the channels' values that training leaves out before the second one.
    """

    def __init__(self, width: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = dropout
        self.norms = nn.ModuleList(nn.GroupNorm(GROUPS, width) for _ in range(2))
        self.layers = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(2))

    def forward(self, h: Tensor) -> Tensor:
        """Features of the same shape [n, width, ...]."""
        (norm, other), (first, second) = self.norms, self.layers
        inner = convolve(first, silu(normalise(norm, h)))
        inner = F.dropout(silu(normalise(other, inner)), self.dropout, self.training)
        return h + convolve(second, inner)
