"""The commands `genlab pack` and `genlab new`: an engineer's own model from a terminal."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field, fields
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from genlab.contract.card import CARD_FILE, Card
from genlab.contract.errors import ContractError
from genlab.packing import options
from genlab.runtime.errors import RunError

TEMPLATE = Literal[
    "generator",
    "vae",
    "flow",
    "diffusion",
    "diffusion-log-snr",
    "autoregressive",
    "classifier",
]
"""Kinds of which there is a script."""


@dataclass(frozen=True, kw_only=True)
class Pack(options.Main):
    """Make a model of the lab from ONNX files: it then opens on the pages that its verbs allow."""

    files: options.Files = field(default_factory=options.Files)
    names: options.Names = field(default_factory=options.Names)
    samples: options.Samples = field(default_factory=options.Samples)
    noise: options.Noise = field(default_factory=options.Noise)
    classes: options.Classes = field(default_factory=options.Classes)
    data: options.Data = field(default_factory=options.Data)
    about: options.About = field(default_factory=options.About)

    def run(self) -> int:
        """Pack, and say where the model lies and how it is shown; 1 with the reason where not."""
        from genlab.packing import pack  # noqa: PLC0415 - onnxruntime, only where it is asked for

        parts: dict[type, Any] = {
            group: getattr(self, group.__name__.lower()) for group in options.GROUPS
        }
        parts[options.Main] = self
        named = ((each.name, part) for group, part in parts.items() for each in fields(group))
        there = (self.into / self.id / CARD_FILE).exists()
        try:
            card = pack(**{name: getattr(part, name) for name, part in named})
        except (ContractError, RunError, OSError) as problem:
            print(typed(str(problem)), file=sys.stderr)
            return 1
        print(told(card, self.into))
        if there:
            print("It takes the place of the model that had this name.")
        return 0


@dataclass(frozen=True)
class New:
    """Write a script that trains a tiny model of a kind, exports it and packs it: begin there."""

    kind: Annotated[TEMPLATE, tyro.conf.Positional]
    """kind of model"""
    file: Annotated[Path, tyro.conf.Positional]
    """where the script is written"""

    def run(self) -> int:
        """Write the file; 1 where there is one already."""
        if self.file.exists():
            print(f"{self.file}: there is such a file already; name another", file=sys.stderr)
            return 1
        self.file.write_text(template(self.kind))
        print(f"{self.file}: run it with python, where torch is installed")
        return 0


def typed(text: str) -> str:
    """Options as python takes them, `range=tanh`, as one types them: `--range tanh`."""
    names = {each.name for group in (options.Main, *options.GROUPS) for each in fields(group)}
    known = "|".join(sorted(names, key=len, reverse=True))

    def flag(found: re.Match[str]) -> str:
        name, value = found[1].replace("_", "-"), found[2]
        if value == "True":
            return f"--{name}"
        return f"--{name} " + re.sub(r"[(),]", "", value)

    return re.sub(rf"(?<![\w=.-])({known})=(\([^)]*\)|<[^>]*>|[^\s,;)]+)", flag, text)


def template(kind: str) -> str:
    """The script of a kind."""
    return (files("genlab.packing") / "templates" / f"{kind}.py.txt").read_text()


def told(card: Card, into: Path) -> str:
    """Where a model lies, what it can do, how true that is, and the command that shows it."""
    original = max(card.parity.values(), default=None)
    parity = (
        "not compared with the original: pass --check-values to do so"
        if original is None
        else f"parity with the original {original:.1e}"
    )
    space = card.space
    shape = " × ".join(map(str, space.shape))
    lines = [
        f"{into.resolve() / card.id}: {', '.join(sorted(card.verbs))}; {space.kind} {shape}",
        f"({parity})",
        f"Show it: GENERATIVE_MODELS={into.resolve()} streamlit run dashboard/app.py",
    ]
    return "\n".join(lines)
