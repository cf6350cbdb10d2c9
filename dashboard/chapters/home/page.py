"""The front door: every model alive under the pointer, and the lecture as a map."""

from urllib.parse import parse_qsl

import streamlit as st

from dashboard import pages
from dashboard.components.gallery import GroupLink, ModelCard, gallery
from dashboard.shared import catalogue
from dashboard.shared.catalogue import FAMILIES, read_catalogue
from dashboard.shared.controls import show_broken
from genlab.contract.catalogue import Entry
from genlab.making import can

COMPARE = pages.named("compare")


def in_gallery(entry: Entry, variant: bool) -> ModelCard:
    """The model as the gallery shows it; neither its graphs nor its film strip are read."""
    card = entry.card
    if card is None:
        return ModelCard(entry.id, entry.id, "", "Broken", problem=str(entry.problem))
    strip, page = card.thumbnail, pages.page_of(card)
    family = FAMILIES.get(card.family, card.family)
    return ModelCard(
        card.id,
        card.name,
        "" if family.lower() in card.name.lower() else family,
        catalogue.dataset_title(card.dataset),
        can=[name for name in ("sample", "density", "latent", "steps") if name in can(card)],
        film_href=f"api/film/{card.id}?{strip.sha256[:12]}" if strip else "",
        frames=strip.frames if strip else 1,
        href=page.address(**{page.parameter: pages.value_of(card)}) if page else "",
        variant=variant,
    )


def on_show() -> list[ModelCard]:
    """All models by data set, main ones first, without classifiers; broken ones at the end."""
    entries = read_catalogue().entries
    shown = []
    for dataset in catalogue.datasets():
        cards = [card for card in catalogue.models_of(dataset) if card.verbs != {"classify"}]
        main = {card.id for card in catalogue.main_models(cards)}
        cards.sort(key=lambda card: card.id not in main)
        shown += [in_gallery(entries[card.id], card.id not in main) for card in cards]
    return shown + [in_gallery(entry, False) for entry in entries.values() if entry.problem]


def links() -> dict[str, GroupLink]:
    """For the title of each data set that the page of comparisons can show: the way there."""
    return {
        catalogue.dataset_title(name): GroupLink(
            name, f"compare all {count} →", COMPARE.address(dataset=name)
        )
        for name, count in catalogue.comparable().items()
    }


st.title("Generative Models Lab")
st.markdown(
    "Models that learned to make data, trained for real and yours to touch. Point at one to see "
    "it :orange[sample]; open it to take it apart."
)

known = read_catalogue()
if not known.entries:
    st.info(
        "There are no exported models here. Restore the folder `exported/` from version control, "
        "train one (`python -m training list` shows the recipes), or name a folder of exported "
        "models in the environment variable `GENERATIVE_MODELS`.",
        icon=":material/inventory_2:",
    )
else:
    opened = gallery(on_show(), key="gallery", links=links())
    entry = known.entries.get(opened or "")
    if entry and entry.card and (page := pages.page_of(entry.card)):
        st.switch_page(page.script, query_params={page.parameter: pages.value_of(entry.card)})
    elif opened in catalogue.datasets():
        st.switch_page(COMPARE.script, query_params={"dataset": opened})

st.header("The lecture, as a map", divider="gray")
there = pages.shown(known.cards.values())
with st.grid("auto", min_column_width=260):
    for topic, page in pages.lecture():
        with st.container(border=True):
            st.markdown(f"**{topic.name}**  \n{topic.idea}")
            if page in there:
                st.page_link(
                    page.script,
                    label=topic.look,
                    icon=":material/arrow_forward:",
                    query_params=dict(parse_qsl(topic.view)),
                )
            else:
                st.caption(topic.look)

show_broken()
