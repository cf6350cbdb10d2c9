"""A stage that shows a first picture at once, and a finer one as soon as that is painted.

The browser says what it has painted, the fragment runs again, and no timer guesses:

    levels = refining("flow_stage", look, levels=("coarse", "whole", "samples"))
    density = grid(model, COARSE if levels.now == "coarse" else WHOLE)
    linked.show(scene, more=levels.more)
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from itertools import count

import streamlit as st

from dashboard.components.stage import peek
from dashboard.shared.compute import key_of

_TURNS = count()


@dataclass(frozen=True)
class Refining:
    """Which of the `levels` of a picture, coarsest first, is to be drawn on a stage now.

    `token` names what is looked at: of anything else nothing has been painted.
    """

    stage: str
    token: str
    levels: tuple[str, ...]
    level: int

    @property
    def now(self) -> str:
        """The name of the level to draw."""
        return self.levels[self.level]

    @property
    def last(self) -> bool:
        """Whether nothing finer will come."""
        return self.level == len(self.levels) - 1

    @property
    def more(self) -> str:
        """What the stage says back once this level is painted; nothing after the last."""
        return "" if self.last else self.ask(self.level + 1)

    def ask(self, level: int | None = None) -> str:
        """What the stage says back to ask for a level, or for this one again: new each time."""
        if level is None:
            return f"{self.token} {self.now}; {next(_TURNS)}"
        return f"{self.token} {self.levels[level]}"

    def note(self) -> bool:
        """Note, as the page runs, whether the last level is drawn; what is dear waits for it."""
        st.session_state[f"{self.stage}_painted"] = self.last
        return self.last

    def show_rest(self) -> None:
        """Show the page again with what waited; call it in the fragment, after the stage."""
        if self.last and not st.session_state.get(f"{self.stage}_painted"):
            st.rerun()


def refining(stage: str, *things: object, levels: tuple[str, ...], at_least: int = 0) -> Refining:
    """What the browser has painted of `things` on a stage, and so the level to draw now.

    Things are known by `key_of` or as they are; `at_least` is the level that nobody need wait for.
    """
    known = repr([key_of(thing) or thing for thing in things]).encode()
    token = blake2b(known, digest_size=8).hexdigest()
    said = peek(stage).more.partition(";")[0]
    asked = [f"{token} {name}" for name in levels]
    level = asked.index(said) if said in asked else 0
    return Refining(stage, token, levels, max(level, at_least))
