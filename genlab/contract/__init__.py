"""What an exported model *is*: its card, its verbs, its files and their checksums.

The words of this package are those of `docs/contract.md`. It needs numpy, onnx and pydantic, runs
nothing, and draws nothing: `genlab.runtime` runs what is described here.
"""
