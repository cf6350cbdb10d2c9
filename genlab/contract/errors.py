"""One error for every broken promise of an exported model.

A person who reads it must know which model, which field of the card or tensor of the graph, what
was expected, what was found, and what to do about it; a page shows `str(error)` as it is.
"""

from __future__ import annotations

EXPORT_AGAIN = "export the model again, or restore its folder from version control"
EXPORTER = "correct the exporter of this model; docs/contract.md has the rules"


class ContractError(Exception):
    """An exported model does not keep the contract.

    Attributes:
        model: Its identifier (the name of its folder where the card cannot be read).
        field: What is at fault: field of the card, file, or tensor of the graph.
        expected: What the contract asks for.
        found: What was there instead.
        todo: What the reader can do.
    """

    def __init__(
        self, model: str, field: str, expected: str, found: str, todo: str = EXPORTER
    ) -> None:
        super().__init__(model, field, expected, found, todo)
        self.model, self.field, self.todo = model, field, todo
        self.expected, self.found = expected, found

    def __str__(self) -> str:
        told = f"{self.model}: {self.field}: expected {self.expected}, found {self.found}."
        return f"{told} What to do: {self.todo}."
