"""What an exported model *is*: its card, its verbs, its files and their checksums.

The words of this package are those of `docs/contract.md`. It needs numpy, onnx and pydantic, runs
nothing, and draws nothing: `genlab.runtime` runs what is described here.
"""

from genlab.contract.card import Card
from genlab.contract.catalogue import Catalogue, Entry
from genlab.contract.errors import ContractError
from genlab.contract.tensors import Tensor
from genlab.contract.verbs import VERBS, Verb

__all__ = ["VERBS", "Card", "Catalogue", "ContractError", "Entry", "Tensor", "Verb"]
