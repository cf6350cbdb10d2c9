"""The front door: the lecture as a path of living pictures, and below it every model on a shelf."""

from pathlib import Path
from urllib.parse import parse_qsl

import streamlit as st

from dashboard import pages
from dashboard.components.gallery import GroupLink, ModelCard, TopicCard, gallery, path
from dashboard.pages import Page, Topic
from dashboard.shared import catalogue
from dashboard.shared.catalogue import FAMILIES, own, read_catalogue
from dashboard.shared.controls import show_broken
from genlab.contract.card import Card
from genlab.contract.catalogue import Entry
from genlab.making import can

COMPARE = pages.named("compare")
ALL = "all"
LATER = "Later in the lecture"


def film(card: Card | None) -> tuple[str, int]:
    """The address of a model's film strip and its frames; no address where there is none."""
    strip = card.thumbnail if card else None
    return (f"api/film/{card.id}?{strip.sha256[:12]}", strip.frames) if card and strip else ("", 1)


def topic_card(topic: Topic, page: Page, there: bool) -> TopicCard:
    """A topic of the lecture on the path; it leads nowhere unless its page is `there`."""
    href, frames = film(read_catalogue().cards.get(topic.face))
    query = dict(parse_qsl(topic.view))
    return TopicCard(
        topic.name,
        topic.name,
        topic.idea,
        topic.look,
        film_href=href,
        frames=frames,
        href=page.address(**query) if there else "",
    )


def lecture() -> None:
    """The parts of the lecture in their order, and what of each is still to come."""
    there = pages.shown(read_catalogue().cards.values())
    told = pages.lecture()
    ends = [part.place for part in pages.PARTS[1:]] + [max(t.place for t, _ in told) + 1]
    parts = {
        part.name: (
            [topic_card(t, page, page in there) for t, page in told if part.place <= t.place < end],
            part.to_come,
        )
        for part, end in zip(pages.PARTS, ends, strict=True)
    }
    later = [name for name, (cards, _) in parts.items() if not cards]  # one line for all of them
    to_come = tuple(topic for name in later for topic in parts.pop(name)[1])
    if to_come:
        parts[LATER] = [], to_come
    opened = path(parts, key="lecture")
    for topic, page in told:
        if topic.name == opened:
            st.switch_page(page.script, query_params=dict(parse_qsl(topic.view)))


def in_gallery(entry: Entry, variant: bool) -> ModelCard:
    """The model as the gallery shows it; neither its graphs nor its film strip are read."""
    card = entry.card
    if card is None:
        return ModelCard(entry.id, entry.id, "", "Broken", problem=str(entry.problem))
    place, (href, frames) = place_of(card), film(card)
    family = FAMILIES.get(card.family, card.family)
    return ModelCard(
        card.id,
        card.name,
        "" if family.lower() in card.name.lower() else family,
        catalogue.dataset_title(card.dataset),
        can=[name for name in ("sample", "density", "latent", "steps") if name in can(card)],
        film_href=href,
        frames=frames,
        href=place[0].address(**place[1]) if place else "",
        variant=variant,
        problem=None if place else pages.unshown(card),
    )


def place_of(card: Card) -> tuple[Page, dict[str, str]] | None:
    """Where a model is shown: on its own page, else beside the others of its data set."""
    if page := pages.page_of(card):
        return page, {page.parameter: pages.value_of(card)}
    beside = {each.id for each in catalogue.side_by_side(card.dataset)}
    if card.id in beside and card.dataset in catalogue.comparable():
        return COMPARE, {"dataset": card.dataset}
    return None


def on_shelf(dataset: str, family: str) -> list[ModelCard]:
    """Models by data set, main ones first, without classifiers; of one data set or family, if so.

    Broken ones stand at the end.
    """
    entries, shown = read_catalogue().entries, []
    for name in catalogue.datasets():
        cards = _shown(name)
        main = {card.id for card in catalogue.main_models(cards)}
        cards.sort(key=lambda card: card.id not in main)
        shown += [
            in_gallery(entries[card.id], card.id not in main and ALL in {dataset, family})
            for card in cards
            if dataset in {ALL, name} and family in {ALL, card.family} and not own(card.id)
        ]
    broken = [entry for entry in entries.values() if entry.problem and not own(entry.id)]
    return shown + [in_gallery(entry, False) for entry in broken]


def links(dataset: str) -> dict[str, GroupLink]:
    """For the title of each data set that the page of comparisons can show: the way there."""
    return {
        catalogue.dataset_title(name): GroupLink(
            name, f"compare all {count} →", COMPARE.address(dataset=name)
        )
        for name, count in catalogue.comparable().items()
        if dataset in {ALL, name}
    }


def follow(opened: str | None) -> None:
    """Go where a card or a link of a shelf leads."""
    entry = read_catalogue().entries.get(opened or "")
    if entry and entry.card and (place := place_of(entry.card)):
        st.switch_page(place[0].script, query_params=place[1])
    elif opened in catalogue.datasets():
        st.switch_page(COMPARE.script, query_params={"dataset": opened})


def of_visitor() -> list[Entry]:
    """The visitor's models in the order of the data sets, broken ones at the end."""
    entries = read_catalogue().entries
    found = [entries[card.id] for name in catalogue.datasets() for card in _shown(name)]
    found += [entry for entry in entries.values() if entry.problem]
    return [entry for entry in found if own(entry.id)]


def told_apart(mine: list[Entry]) -> dict[Path, str]:
    """The visitor's folders in the order in which they are read, by the ends of their paths."""
    order = read_catalogue().folders
    folders = {entry.folder.parent for entry in mine}
    listed = sorted(folders, key=lambda one: (order.index(one) if one in order else -1, one))

    def end(folder: Path, parts: int) -> str:
        return "/".join(folder.parts[-parts:]).replace("//", "/")

    for parts in range(1, max(len(folder.parts) for folder in listed) + 1):
        called = {folder: end(folder, parts) for folder in listed}
        if len(set(called.values())) == len(called):
            break
    return called


def shelf() -> None:
    """Every model, by data set; a visitor chooses of which data set and which family."""
    if mine := of_visitor():
        st.header("Your models", divider="gray")
        for place, (folder, called) in enumerate(told_apart(mine).items()):
            st.caption(f"From the folder `{called}`")
            cards = [in_gallery(entry, False) for entry in mine if entry.folder.parent == folder]
            follow(gallery(cards, key=f"own{place}", links={}))
    st.header("The models", divider="gray")
    sets = [
        name
        for name in catalogue.datasets()
        if not all(own(card.id) for card in catalogue.models_of(name))
    ]
    families = list(dict.fromkeys(card.family for name in sets for card in _shown(name)))
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        dataset = st.selectbox(
            "Data set",
            [ALL, *sets],
            format_func=lambda name: name if name == ALL else catalogue.dataset_title(name),
            key="shelf_set",
            width=260,
        )
        family = st.segmented_control(
            "Family",
            [ALL, *families],
            format_func=lambda name: FAMILIES.get(name, name),
            default=ALL,
            required=True,
            key="shelf_family",
        )
    cards = on_shelf(dataset or ALL, family or ALL)
    if cards:
        follow(gallery(cards, key="gallery", links=links(dataset or ALL)))
    else:
        st.caption("There is no such model of these data yet.")


def _shown(dataset: str) -> list[Card]:
    return [card for card in catalogue.models_of(dataset) if card.verbs != {"classify"}]


st.title("Generative Models Lab")
st.markdown(
    "A lecture that you can touch: every picture is computed here, by a model that was really "
    "trained or from a distribution that is known exactly. Begin at the top; each view leads to "
    "the next."
)
if own_models := of_visitor():
    broken = sum(1 for each in own_models if each.problem)
    some = f", {broken} of them broken" if broken else ""
    st.markdown(f"[Your models: {len(own_models)}](#your-models){some}")
lecture()
if read_catalogue().entries:
    shelf()
else:
    st.info(
        "There are no exported models here. Restore the folder `exported/` from version control, "
        "train one (`python -m training list` shows the recipes), or name a folder of exported "
        "models in the environment variable `GENERATIVE_MODELS`.",
        icon=":material/inventory_2:",
    )
show_broken()
