"""The front door: every model alive under the pointer, and the lecture as a map."""

import streamlit as st

from dashboard.chapters.home.scenes.lecture import TOPICS
from dashboard.components.gallery import GroupLink, ModelCard, gallery
from dashboard.shared import catalogue
from dashboard.shared.catalogue import FAMILIES, read_catalogue
from dashboard.shared.controls import show_broken
from dashboard.shared.images import NEEDS, absent
from genlab.contract.card import Card
from genlab.contract.catalogue import Entry
from genlab.diffusion.denoiser import IMAGE_AXES

# For a verb: the page that shows models of the plane with it, its path, its parameter for them.
PAGES = {
    "layers": ("chapters/flows/page.py", "flows", "flow"),
    "critic": ("chapters/gans/page.py", "gans", "gan"),
    "denoise": ("chapters/diffusion/page.py", "diffusion", "ddpm"),
}
# The same for models of images.
IMAGE_PAGES = {
    "denoise": ("chapters/diffusion/images/page.py", "diffusion-images", "image_ddpm"),
    "critic": ("chapters/gans/images/page.py", "gan-images", "image_gan"),
    "log_prob": ("chapters/flows/images/page.py", "flow-images", "image_flow"),
}
COMPARE = ("chapters/compare/page.py", "compare", "dataset")


def page_of(card: Card) -> tuple[tuple[str, str, str], str] | None:
    """The page on which a model is opened and the value of its parameter.

    Over the plane and of images the first page that can use one of its verbs; the line is shown
    as a whole.
    """
    if card.event_shape == (1,):
        return COMPARE, card.dataset
    pages = IMAGE_PAGES if len(card.event_shape) == IMAGE_AXES else PAGES
    page = next((page for verb, page in pages.items() if verb in card.verbs), None)
    return (page, card.id) if page and card.verbs >= set(NEEDS.get(page[0], ())) else None


def in_gallery(entry: Entry, variant: bool) -> ModelCard:
    """The model as the gallery shows it; neither its graphs nor its film strip are read."""
    card = entry.card
    if card is None:
        return ModelCard(entry.id, entry.id, "", "Broken", problem=str(entry.problem))
    strip, page = card.thumbnail, page_of(card)
    title, family = catalogue.short_title(card), FAMILIES.get(card.family, card.family)
    return ModelCard(
        card.id,
        title,
        "" if family.lower() in title.lower() else family,
        catalogue.dataset_title(card.dataset),
        can=[name for name in ("sample", "density", "latent", "steps") if name in card.can],
        film_href=f"api/film/{card.id}?{strip.sha256[:12]}" if strip else "",
        frames=strip.frames if strip else 1,
        href=f"{page[0][1]}?{page[0][2]}={page[1]}" if page else "",
        variant=variant,
    )


def on_show() -> list[ModelCard]:
    """All models by data set, main ones first; the broken ones at the end.

    A classifier, which judges models and is none, is not among them.
    """
    entries = read_catalogue().entries
    shown = []
    for dataset in catalogue.datasets():
        cards = [card for card in catalogue.models_of(dataset) if card.verbs != {"classify"}]
        main = {card.id for card in catalogue.main_models(cards)}
        leading = [card for card in cards if card.id in main]
        others = [card for card in cards if card.id not in main]
        shown += [in_gallery(entries[card.id], card.id not in main) for card in leading + others]
    return shown + [in_gallery(entry, False) for entry in entries.values() if entry.problem]


def links() -> dict[str, GroupLink]:
    """For the title of each data set that the page of comparisons can show: the way there."""
    return {
        catalogue.dataset_title(name): GroupLink(
            name,
            f"compare all {count} →",
            f"{COMPARE[1]}?{COMPARE[2]}={name}",
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
    if entry and entry.card and (page := page_of(entry.card)):
        st.switch_page(page[0][0], query_params={page[0][2]: page[1]})
    elif opened in catalogue.datasets():
        st.switch_page(COMPARE[0], query_params={COMPARE[2]: opened})

st.header("The lecture, as a map", divider="gray")
missing = absent()
with st.grid("auto", min_column_width=260):
    for topic in TOPICS:
        with st.container(border=True):
            st.markdown(f"**{topic.name}**  \n{topic.idea}")
            if topic.page and topic.page not in missing:
                st.page_link(
                    topic.page,
                    label=topic.look,
                    icon=":material/arrow_forward:",
                    query_params=dict(topic.query),
                )
            else:
                st.caption(topic.look)

show_broken()
