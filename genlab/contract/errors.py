"""One error for every broken promise of an exported model.

A person who reads it must know which model, which field of the card or tensor of the graph, what
was expected, what was found, and what to do about it; a page shows `str(error)` as it is.
"""

from __future__ import annotations

import re

EXPORT_AGAIN = "export the model again, or restore its folder from version control"
EXPORTER = "correct the exporter of this model; docs/contract.md has the rules"
EVAL_MODE = "call model.eval() before the export, and export the model again"

LONGEST = 200
"""Characters of another library's words that an error may repeat."""


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


def in_one_sentence(text: str, otherwise: str) -> str:
    """What another library says of a failure, without its codes, paths and signatures.

    `otherwise` where nothing is left that people could read.
    """
    words = " ".join(text.partition("==>")[0].split())
    words = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", words)
    running = re.match(r"Non-zero status code .*? running (\w+) node\. Name:'(.*?)' ", words)
    words = words[running.end() :].removeprefix("Status Message: ") if running else words
    words = words.rpartition(" was false. ")[2]  # what comes before is a condition in C++
    words = re.sub(r"^\S+\.(?:cc|cpp|cu|cuh|h):\d+ (?:\w+Impl )?", "", words)
    words = re.sub(r"^[^()]*::[^()]*\([^()]*\)(?: const)? ", "", words)
    words = re.sub(r"\[\w+Error\] ", "", words).strip(" .")
    if len(words) > LONGEST:
        words = words[:LONGEST].rpartition(" ")[0] + " …"
    if re.search(r"::|\S/\S+/|^/", words):
        words = ""
    if running is None:
        return words or otherwise
    node = f"{running[1]} in node {running[2]!r}" if running[2] else running[1]
    return f"{node} failed" + (f" ({words})" if words else "")
