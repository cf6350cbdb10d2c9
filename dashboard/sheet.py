"""A teacher's sheet: the exercises of a chapter as one page to print, answers at its end."""

import re
import sys
from dataclasses import dataclass
from html import escape

import tyro
from latex2mathml.converter import convert

from dashboard import pages
from dashboard.lessons import Lesson, lesson, places
from dashboard.pages import Page

STYLE = """
body { font: 11pt/1.45 Georgia, serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; } h3 { font-size: 1rem; margin-bottom: 0.2rem; }
section { break-inside: avoid; } .answers { break-before: page; }
a { color: inherit; } .lines { border-bottom: 1px solid #999; height: 1.7rem; }
@media print { a::after { content: " (" attr(href) ")"; font-size: 0.75em; } }
"""


@dataclass(frozen=True)
class Sheet:
    """Print exercises of a chapter with their links and answers: a page of HTML, for paper."""

    chapter: tyro.conf.Positional[str]
    """whose exercises: compare, flows, gans or diffusion"""
    server: str = "http://localhost:8501"
    """where the students find the lab"""

    def run(self) -> int:
        """Write the page to the standard output; 2 where there is no such chapter."""
        try:
            page = sheet(self.chapter, self.server.rstrip("/"))
        except ValueError as problem:
            print(problem, file=sys.stderr)
            return 2
        print(page, end="")
        return 0


def chapters() -> list[str]:
    """The chapters that have lessons, in the order of the lecture."""
    return list(dict.fromkeys(page.chapter for page, view in places() if lesson(page, view)))


def sheet(chapter: str, server: str = "http://localhost:8501") -> str:
    """The exercises of a chapter as a page of HTML with its answers; links lead to `server`.

    Raises:
        ValueError: There are no lessons of such a chapter.
    """
    if chapter not in chapters():
        raise ValueError(f"no lessons of {chapter!r}: there are {', '.join(chapters())}")
    told = [
        (page, view, known)
        for page, view in places()
        if page.chapter == chapter and (known := lesson(page, view))
    ]
    exercises = "".join(_exercise(n, server, *each) for n, each in enumerate(told, 1))
    answers = "".join(_answer(n, *each) for n, each in enumerate(told, 1))
    title = f"Generative Models Lab: {_name(chapter)}"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style><h1>{escape(title)}</h1>{exercises}"
        f'<div class="answers"><h2>Answers</h2>{answers}</div></html>\n'
    )


def _name(chapter: str) -> str:
    """What people call a chapter: the title of its first page."""
    return next(page.title for page in pages.PAGES if page.chapter == chapter)


def _exercise(number: int, server: str, page: Page, view: str, told: Lesson) -> str:
    """A question, what to try with its links, and room to answer."""
    query = {page.choice: view} if view else {}
    begin = f"{server}/{page.address(**query)}"
    tries = "".join(
        f'<li><a href="{escape(f"{server}/{page.address(**(query | each.set))}")}">'
        f"{_prose(each.say)}</a></li>"
        for each in told.tries
    )
    asked = ""
    if told.predict:
        choices = " · ".join(map(_prose, told.predict.choices))
        asked = f"<p><b>Predict, then see.</b> {_prose(told.predict.ask)} {choices}</p>"
    return (
        f'<section><h3>{number}. {_prose(told.question)}</h3><p><a href="{escape(begin)}">'
        f"{escape(page.title)}{f', {escape(view)}' if view else ''}</a>. {_prose(told.do)}</p>"
        f"{asked}<ul>{tries}</ul><p>What do you notice, and why is it so?</p>"
        '<div class="lines"></div><div class="lines"></div><div class="lines"></div></section>'
    )


def _answer(number: int, page: Page, view: str, told: Lesson) -> str:
    """What there was to notice and why; of a prediction, what is right or where it is read."""
    right = ""
    if told.predict and told.predict.choices:
        right = f"<b>{_prose(told.predict.choices[told.predict.right])}.</b> "
    elif told.predict:
        right = f"Read it under the picture: <i>{_prose(told.predict.number)}</i>. "
    return f"<p><b>{number}.</b> {right}{_prose(told.notice)} {_prose(told.why)}</p>"


def _prose(text: str) -> str:
    """Words with formulas between dollar signs, as HTML and MathML."""
    parts = re.split(r"\$([^$]+)\$", text)
    return "".join(convert(part) if i % 2 else escape(part) for i, part in enumerate(parts))
