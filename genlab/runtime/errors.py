"""What can go wrong with a request (as opposed to a model: `genlab.contract.errors`)."""

from __future__ import annotations


class InputError(ValueError):
    """A value from outside is refused before anything is computed or allocated.

    It carries the value's `name`, what would be accepted (`expected`) and what was `found`.
    """

    def __init__(self, name: str, expected: str, found: str) -> None:
        super().__init__(name, expected, found)
        self.name, self.expected, self.found = name, expected, found

    def __str__(self) -> str:
        return f"{self.name}: expected {self.expected}, found {self.found}."


class RunError(RuntimeError):
    """onnxruntime could not finish a run; the session stays usable."""


class OutOfMemoryError(RunError):
    """A run needs more memory than its device has."""


class NoGpuError(RuntimeError):
    """A GPU is required (`GENLAB_REQUIRE_GPU=1`) and there is none to be had."""


class Busy(RuntimeError):  # noqa: N818 - a state of the server, not a mistake
    """All places for heavy jobs stay taken; the same request may succeed in a few seconds."""


class Stopped(RuntimeError):  # noqa: N818 - asked for by the caller
    """A run ended early because its deadline passed or its caller went away."""


class NonFiniteWarning(UserWarning):
    """Some results of a run are not finite; the message says how many."""
