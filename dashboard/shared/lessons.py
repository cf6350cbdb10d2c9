"""A view's lesson on its page: the question above the picture, with a guess, the rest under it."""

from html import escape

import streamlit as st

from dashboard import pages
from dashboard.components.heard import changing
from dashboard.lessons import Lesson, Predict, Try, lesson, places
from dashboard.pages import Page
from dashboard.shared import links
from dashboard.shared.catalogue import own, read_catalogue
from dashboard.shared.images import has_training
from genlab.contract.card import Card


def facts_of(card: Card) -> set[str]:
    """What lessons may suppose of a model: see `dashboard.lessons.FACTS`."""
    makes = [graph.inputs for verb, graph in card.graphs.items() if verb in {"decode", "denoise"}]
    told = bool(card.labels) and any("label" in inputs for inputs in makes)
    facts = {
        "committed": not own(card.id),
        "snapshots": len(card.steps) > 1,
        "classes": told,
        "guidance": told and card.null("label") is not None,
        "critic": "critic" in card.verbs,
        "training": pages.kind(card) == "image" and has_training(card),
    }
    return {card.dataset, *(name for name, holds in facts.items() if holds)}


def _told(page: Page, view: str, card: Card | None) -> Lesson | None:
    return lesson(page, view, None if card is None else facts_of(card))


def ask(page: Page, view: str = "", card: Card | None = None) -> None:
    """The question of a view and what one does, in a line above its picture.

    Beside it a number or a choice may be guessed: *Notice* under the picture would give it away.
    Only what fits the model of `card` is said.
    """
    known = _told(page, view, card)
    if known is None:
        return
    words = f"**{known.question}** {known.do}".strip()
    if known.predict is None:
        st.markdown(words)
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="ask"):
        st.markdown(words, width="content")
        with st.popover("Guess first", icon=":material/psychology_alt:", type="tertiary"):
            _predict(known.predict, f"predict {page.path} {view}")


def tell(page: Page, view: str = "", card: Card | None = None) -> None:
    """The rest of a lesson under the picture, folded, and the way to the next view."""
    known = _told(page, view, card)
    if known is None:
        return
    with st.container(horizontal=True, gap="medium", vertical_alignment="center", key="lesson"):
        parts = {"try this": known.tries, "notice that": known.notice, "why": known.why}
        *names, last = [name for name, part in parts.items() if part]
        label = ", ".join([*names, f"and {last}" if names else last]).capitalize()
        with st.expander(label):
            if known.tries:
                st.html(" ".join(_link(page, each) for each in known.tries))
            for name in ("notice", "why"):
                if words := getattr(known, name):
                    st.markdown(f"**{name.capitalize()}.** {words}")
        _next(page, view)


def _predict(asked: Predict, key: str) -> None:
    """The question, and how far off an answer is from what the page shows."""
    if asked.choices:
        guess = st.radio(asked.ask, asked.choices, index=None, horizontal=True, **changing(key))
        right = asked.choices[asked.right]
        if guess is not None:
            st.markdown(f"**Yes.** {right}." if guess == right else f"**No:** {right}.")
        return
    value = st.number_input(
        asked.ask, value=None, width=320, placeholder="your guess", **changing(key)
    )
    shown = _when_answered(value, asked.number, f"{key} answered")
    number = _read(shown)
    if value is not None and number is not None:
        off = abs(value - number)
        st.markdown(f"The page showed **{shown}** {asked.unit}: you are off by {off:.3g}.")


def _when_answered(value: float | None, name: str, key: str) -> str:
    """What the page showed under `name` when the visitor answered: a drag since changes nothing."""
    guess, shown = st.session_state.get(key, (None, ""))
    if value != guess:
        shown = st.session_state.get(links.NUMBERS, {}).get(name, "")
        st.session_state[key] = value, shown
    return str(shown)


def _read(shown: str) -> float | None:
    """The first number of what a stage shows, None where it shows none."""
    try:
        return float(shown.split("|", maxsplit=1)[0].strip().replace("−", "-").replace(",", ""))
    except ValueError:
        return None


def _link(page: Page, wanted: Try) -> str:
    """A link that opens the page with what is wanted, all else as it is."""
    href = page.address(**{**st.query_params.to_dict(), **wanted.set})
    return f'<a class="try" href="{escape(href)}" target="_self">{escape(wanted.say)}</a>'


def _next(page: Page, view: str) -> None:
    """A link to the view that follows in the order of the table, where it is shown."""
    order, there = places(), pages.shown(read_catalogue().cards.values())
    for after, name in order[order.index((page, view)) + 1 :]:
        if after not in there:
            continue
        words = f"Next: {after.title}" + (f", {name}" if name else "")
        st.page_link(
            after.script,
            label=words,
            icon=":material/arrow_forward:",
            query_params={after.choice: name} if name else None,
        )
        return
