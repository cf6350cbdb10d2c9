"""A residual block of convolutions, for the families of images."""

from torch import Tensor, nn
from torch.nn import functional as F

GROUPS = 8


class Residual(nn.Module):
    """Two 3 × 3 convolutions around a short cut; GroupNorm, since a row must not see its batch."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.GroupNorm(GROUPS, width) for _ in range(2))
        self.layers = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(2))

    def forward(self, h: Tensor) -> Tensor:
        """Features of the same shape [n, width, ...]."""
        inner = h
        for norm, layer in zip(self.norms, self.layers, strict=True):
            inner = layer(F.silu(norm(inner)))
        return h + inner
