"""Widgets whose state is the page's link; numbers are clamped again: only browsers heed limits."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import streamlit as st

from dashboard.components.heard import changed, changing
from dashboard.pages import page_of, value_of
from dashboard.plots.shading import SCALE_HELP, SCALES, Scale
from dashboard.shared import links
from dashboard.shared.catalogue import (
    dataset_title,
    datasets,
    exact_of,
    models_with,
    own,
    read_catalogue,
)
from dashboard.shared.guard import notices
from genlab.contract.card import Card

Option = TypeVar("Option", bound=str)
MAX_SEED = 999_999
SLIDER = 240  # pixels: a phone shows one and a half in a row, so they wrap


def linked(key: str, default: str | float) -> dict[str, Any]:
    """The arguments of a widget whose value the link has under `key` unless it is the `default`."""
    value = st.session_state.get(key, default)
    if changed(key) and not _told(st.query_params.get(key), value, default):
        st.session_state[key] = value
    return {"bind": "query-params", **changing(key)}


def _told(text: str | None, value: str | float, default: str | float) -> bool:
    """Whether a link that has `text` for a value says the value."""
    if text is None:
        return value == default
    try:
        return text == str(value) or float(text) == value
    except ValueError:
        return False


def choose_model(key: str, *verbs: str) -> Card:
    """A model of the plane that has all of `verbs`; the page stops with advice without one."""
    able = {card.id: card for card in models_with(*verbs)}
    return choose_card("Model", able, key, "model", verbs, "Train and export one")


def choose_truth(key: str, *verbs: str) -> Card:
    """As `choose_model` among the exact ones, also of the line; the link names their data set."""
    exact = {name: exact_of(name) for name in datasets()}
    able = {name: card for name, card in exact.items() if card and card.verbs >= set(verbs)}
    todo = "Export one, there is nothing to train"
    return choose_card("Data set", able, key, "exact model", verbs, todo)


def choose_card(
    label: str, able: Mapping[str, Card], key: str, what: str, verbs: Sequence[str], todo: str
) -> Card:
    """One of the cards by what the link calls them, at first the first.

    Where there is none the page stops here: no `what` has the `verbs`, and `todo` leads on.
    """
    if not able:
        st.info(
            f"No {what} here has the verbs {', '.join(verbs)}. {todo} "
            "(`python -m training list` shows the recipes), or name a folder of exported models "
            "in the environment variable `GENERATIVE_MODELS`.",
            icon=":material/inventory_2:",
        )
        show_broken()
        st.stop()
    return able[pick(label, called(able), key, able)]


def called(cards: Mapping[str, Card]) -> dict[str, str]:
    """What people call models, or data sets where that is what the link names.

    Those of one name are told apart by their identifiers: a widget goes by the names.
    """

    def name_of(name: str, card: Card) -> str:
        title = dataset_title(card.dataset)
        return title if name == card.dataset else f"{title} · {card.name}"

    names = {name: name_of(name, card) for name, card in cards.items()}
    often = Counter(names.values())
    return {name: f"{said} ({name})" if often[said] > 1 else said for name, said in names.items()}


def pick(
    label: str, options: Mapping[str, str], key: str, cards: Mapping[str, Card] | None = None
) -> str:
    """One of the `options`, identifiers with what people call them; the link always names it.

    Without a link it is the first of the data set that was looked at last, on whatever page: an
    option is of the data set of its card, or else is one itself. A visitor's own models stand first
    in the menu. What a link asks for and is not there, or broke or went while it was looked at, is
    told; the link keeps it, and it is shown once it is there, unless the visitor chose another.
    """
    of = {name: cards[name].dataset if cards else name for name in options}
    here = [name for name in options if of[name] == st.session_state.get("dataset_seen")]
    mine = [name for name in options if cards and own(cards[name].id)]
    wish = _awaited(key, of, (here or list(options))[0], mine)
    if wish is not None:
        _say_instead(key, wish, options)
    listed = sorted(options, key=lambda name: name not in mine)
    chosen = st.selectbox(label, listed, format_func=options.__getitem__, **changing(key))
    name = chosen if chosen in options else next(iter(options))
    links.tell(key, name if wish is None else wish)
    st.session_state["dataset_seen"] = of[name]
    return name


def _awaited(key: str, of: Mapping[str, str], first: str, mine: Sequence[str]) -> str | None:
    """Set the choice as `links.asked`; what is asked for and missing, None where nothing is.

    `of` has the data set of each option; `mine` are the visitor's own. Who chose a view that is not
    for a sound model, or an option in place of what is missing, waits for nothing.
    """
    state, waits = st.session_state, f"{key}_awaited"
    before, (wish, instead) = state.get(key), state.pop(waits, (None, None))
    missing = links.asked(key, of, first)
    if before != instead or (before in of and before != state[key]):
        wish = None  # another one was chosen, by the menu or by a link
    if missing is None and wish is None and before is not None and before not in of:
        missing = str(before) if _gone(str(before)) else None
    if missing is None and wish in of:
        state[key] = wish
        return None
    if (missing is not None or before not in of) and (name := missing or wish):
        state[key] = _instead(name, {one: of[one] for one in mine}, state[key])
    missing = missing or wish
    if missing is not None:
        state[waits] = missing, state[key]
    return missing


def _gone(name: str) -> bool:
    """Whether a model broke or went, or all models of a data set did."""
    return name not in read_catalogue().cards and name not in datasets()


def _instead(missing: str, mine: Mapping[str, str], first: str) -> str:
    """What is shown in place of a model: the visitor's own of its data set, the nearest by name."""
    same = [name for name, dataset in mine.items() if missing.startswith(f"{dataset}-")]
    return next(iter(get_close_matches(missing, same, 1, 0.0)), first)


def _ask(key: str, options: Mapping[str, str], first: str) -> None:
    """As `links.asked`; a link to what is not among the options is told what is shown instead."""
    missing = links.asked(key, options, first)
    if missing is not None:
        _say_instead(key, missing, options)


def _say_instead(key: str, missing: str, options: Mapping[str, str]) -> None:
    """Say why what is asked for is not there, and what is shown instead."""
    shown, entry = options[st.session_state[key]], read_catalogue().entries.get(missing)
    with notices():
        if entry and entry.problem:
            broken = f"{links.plain(str(entry.problem))}\n\nShown instead: {shown}."
            st.warning(broken, icon=":material/broken_image:")
        else:
            links.say_missing(missing, shown, _hint(key, missing, options))


def _hint(key: str, missing: str, options: Mapping[str, str]) -> str:
    """Where the model is that a link asks for, or which one its name may mean."""
    entry = read_catalogue().entries.get(missing)
    if entry and entry.card:
        page = page_of(entry.card)
        verbs = ", ".join(sorted(entry.card.verbs))
        if page is None:
            return f" It has the verbs {verbs}: this page cannot show it."
        if page.parameter == key:
            return " This view is not for it."
        address = page.address(**{page.parameter: value_of(entry.card)})
        return f" This page cannot show it: it opens on [{page.title}]({address})."
    near = next(iter(get_close_matches(missing, options, 1)), None)
    if near in {None, st.session_state[key]}:
        return ""
    link = urlencode({**st.query_params.to_dict(), key: near}, quote_via=quote)
    return f" Did you mean [{links.plain(options[near])}](?{link})?"


def _heed(key: str, fits: Callable[[str], bool], shown: object) -> None:
    """Say it where a link was opened that asks a widget for what it does not offer."""
    wish = st.query_params.get(key)
    if wish is not None and key not in st.session_state and not fits(wish):
        with notices():
            links.say_missing(wish, shown)


def _within(low: float, high: float, kind: type[int] | type[float]) -> Callable[[str], bool]:
    def fits(wish: str) -> bool:
        try:
            return low <= kind(wish) <= high
        except ValueError:
            return False

    return fits


def choose_named(
    label: str, options: Mapping[str, str], key: str, default: str, help: str | None = None
) -> str:
    """One of a few `options` side by side: the link has the identifier, a person reads the name."""
    _ask(key, options, default)
    picked = st.segmented_control(
        label,
        list(options),
        format_func=options.__getitem__,
        required=True,
        help=help,
        **changing(key),
    )
    chosen = picked if picked is not None and picked in options else default
    links.tell(key, chosen)
    return chosen


def show_broken() -> None:
    """Say which models break their contract, and how."""
    for entry in read_catalogue().entries.values():
        if entry.problem:
            st.warning(links.plain(str(entry.problem)), icon=":material/broken_image:")


def choose(
    label: str,
    options: Sequence[Option],
    key: str,
    help: str | None = None,
    default: Option | None = None,
    wrap: bool | None = None,
) -> Option:
    """One of a few options, side by side; the first of them unless there is another `default`.

    With `wrap` those that find no place go to a next row, else they are scrolled to. What a person
    reads is what stands in the link.
    """
    first = default if default is not None and default in options else options[0]
    _heed(key, lambda wish: wish in options, first)
    picked = st.segmented_control(
        label,
        options,
        default=first,
        required=True,
        help=help,
        wrap=wrap,
        **linked(key, first),
    )
    return picked if picked in options else first


def whole(
    label: str, key: str, low: int, high: int, default: int, step: int = 1, help: str | None = None
) -> int:
    """A whole number between `low` and `high` on a slider, clamped; with no choice, no slider."""
    if low == high:
        return low
    _heed(key, _within(low, high, int), default)
    value = st.slider(
        label, low, high, default, step, help=help, width=SLIDER, **linked(key, default)
    )
    return int(min(max(int(value), low), high))


def number(
    label: str, key: str, default: float, help: str, high: float = 1.0, step: float = 0.05
) -> float:
    """A number between 0 and `high` on a slider, clamped."""
    _heed(key, _within(0.0, high, float), default)
    value = st.slider(
        label, 0.0, high, default, step, help=help, width=SLIDER, **linked(key, default)
    )
    return float(min(max(float(value), 0.0), high))


def colours() -> Scale:
    """The choice of how densities are shaded."""
    words = " · ".join(f"**{name}**: {told}" for name, told in SCALE_HELP.items())
    return choose("Colours", SCALES, "scale", help=words)


def seed() -> int:
    """The seed of every random draw on the page; the same seed gives the same picture."""
    same = "The same seed gives the same picture."
    _heed("seed", _within(0, MAX_SEED, int), 0)
    ask = partial(st.number_input, "Seed", 0, MAX_SEED, 0, width=150, help=same)
    try:
        value = ask(**linked("seed", 0))
    except OverflowError:  # Streamlit's own reading of a number beyond every float in the link
        value = ask(**changing("seed_apart"))
    return int(min(max(int(value or 0), 0), MAX_SEED))
