"""One error for every broken promise of an exported model.

A person who reads it must know which model, which field of the card or tensor of the graph, what
was expected, what was found, and what to do about it; a page shows `str(error)` as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

Complaint = tuple[str, str, str]
"""Field, expected, found."""

EXPORT_AGAIN = "export the model again"
EXPORTER = "correct the exporter of this model; docs/contract.md has the rules"
EVAL_MODE = "call model.eval() before the export, and export the model again"
MOST = 12
"""Problems of a card that are told one by one; the others are counted."""
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
        others: What else is wrong with the same card, beside the first.
    """

    def __init__(
        self,
        model: str,
        field: str,
        expected: str,
        found: str,
        todo: str = EXPORTER,
        others: Sequence[Complaint] = (),
    ) -> None:
        super().__init__(model, field, expected, found, todo, tuple(others))
        self.model, self.field, self.todo = model, field, todo
        self.expected, self.found, self.others = expected, found, tuple(others)

    def __str__(self) -> str:
        rows = (self.field, self.expected, self.found), *self.others
        first, *others = (f"{name}: expected {asked}, found {found}" for name, asked, found in rows)
        end = f"What to do: {self.todo}."
        if not others:
            return f"{self.model}: {first}. {end}"
        lines = [f"- {line}" for line in others[: MOST - 1]]
        if len(rows) > MOST:
            lines.append(f"- and {len(rows) - MOST} more")
        # The empty line ends the list where a page reads this as Markdown.
        return "\n".join([f"{self.model}: {first}, and besides:", *lines, "", end])


def problems(model: str, complaints: Sequence[Complaint]) -> ContractError:
    """All `complaints` about a card as one error."""
    first, *others = complaints
    return ContractError(model, *first, others=others)


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
