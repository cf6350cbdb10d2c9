"""The form of a family that is exported: what only training needs is folded into its weights.

Batch normalisation looks at the whole batch while it learns; afterwards it is one factor and one
shift a channel, which the convolution before it can do itself. Spectral normalisation divides a
layer by its largest singular value; afterwards the quotient is a weight like any other. So graphs,
snapshots and check values know plain layers only, and their names are the same at every step.
"""

import copy
from typing import TypeVar, cast

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import parametrize
from torch.nn.utils.fusion import fuse_conv_bn_eval

M = TypeVar("M", bound=nn.Module)

ITERATIONS = 20
"""Power iterations for the largest singular value of averaged weights, whose directions have been
averaged too and are no unit vectors any more."""


def is_plain(family: nn.Module) -> bool:
    """Whether there is nothing to fold."""
    return not any(
        isinstance(part, _BatchNorm) or parametrize.is_parametrized(part)
        for part in family.modules()
    )


def fold(family: M) -> M:
    """The family itself if it is plain, else a twin of plain layers with the outputs of its `eval`.

    A batch norm has to follow its convolution in an `nn.Sequential`; the identity stays in its
    place, so that the layers after it keep their names.

    Raises:
        TypeError: A batch norm follows something else.
    """
    if is_plain(family):
        return family
    twin = copy.deepcopy(family).eval()
    for part in [part for part in twin.modules() if parametrize.is_parametrized(part)]:
        _settle(part)
    for part in twin.modules():
        if isinstance(part, nn.Sequential):
            _join(part)
    if not is_plain(twin):
        raise TypeError("a batch norm can be folded into a convolution right before it only")
    return twin


@torch.no_grad()
def _settle(part: nn.Module) -> None:
    """Let the singular vectors fit the weights, then put the quotient in their place.

    `remove_parametrizations` would take the property off the class, which copies share.
    """
    part.train()
    names = list(cast(nn.ModuleDict, part.parametrizations))
    for _ in range(ITERATIONS):
        settled = {name: getattr(part, name) for name in names}
    part.__class__ = parametrize.type_before_parametrizations(part)
    del part.parametrizations
    for name, value in settled.items():
        part.register_parameter(name, nn.Parameter(value))
    part.eval()


def _join(layers: nn.Sequential) -> None:
    for place in range(1, len(layers)):
        before, norm = layers[place - 1], layers[place]
        if isinstance(norm, _BatchNorm) and isinstance(before, nn.Conv2d | nn.ConvTranspose2d):
            turned = isinstance(before, nn.ConvTranspose2d)
            layers[place - 1] = fuse_conv_bn_eval(before, norm, transpose=turned)
            layers[place] = nn.Identity()
