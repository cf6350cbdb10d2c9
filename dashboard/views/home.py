"""The front door: every model alive under the pointer, and the lecture as a map."""

import streamlit as st

from dashboard.components.gallery import ModelCard, gallery
from dashboard.controls import show_broken
from dashboard.figures.lecture import TOPICS
from dashboard.services import FAMILIES, read_catalogue
from genlab.contract.card import Card
from genlab.contract.catalogue import Entry

# For a verb: the page that shows models with it, its path, and its parameter for the model.
PAGES = {
    "layers": ("views/flows.py", "flows", "flow"),
    "critic": ("views/gans.py", "gans", "gan"),
    "denoise": ("views/diffusion.py", "diffusion", "ddpm"),
}


def page_of(card: Card) -> tuple[str, str, str] | None:
    """The page on which a model is opened: the first that can use one of its verbs."""
    return next((page for verb, page in PAGES.items() if verb in card.verbs), None)


def order(entry: Entry) -> tuple[bool, str, int]:
    """Broken models last; the others by data set, the truth first."""
    card = entry.card
    if card is None:
        return True, entry.id, 0
    families = list(FAMILIES)
    return False, card.dataset, families.index(card.family) if card.family in families else 99


def in_gallery(entry: Entry) -> ModelCard:
    """The model as the gallery shows it; the film strip is read, the graphs are not."""
    card = entry.card
    if card is None:
        return ModelCard(entry.id, entry.id, "", "Broken", problem=str(entry.problem))
    strip = card.thumbnail and entry.folder / card.thumbnail.file
    page = page_of(card)
    return ModelCard(
        card.id,
        card.title,
        FAMILIES.get(card.family, card.family),
        card.dataset,
        can=[name for name in ("sample", "density", "latent", "steps") if name in card.can],
        film=strip.read_bytes() if strip and strip.is_file() else None,
        frames=card.thumbnail.frames if card.thumbnail else 1,
        href=f"{page[1]}?{page[2]}={card.id}" if page else "",
    )


st.title("Generative Models Lab")
st.markdown(
    "Models that learned to make data, trained for real and yours to touch. Point at one to see "
    "it :orange[sample]; open it to take it apart."
)

catalogue = read_catalogue()
entries = list(catalogue.entries.values())
if not entries:
    st.info(
        "There are no exported models here. Restore the folder `exported/` from version control, "
        "train one (`python -m training list` shows the recipes), or name a folder of exported "
        "models in the environment variable `GENERATIVE_MODELS`.",
        icon=":material/inventory_2:",
    )
else:
    opened = gallery([in_gallery(entry) for entry in sorted(entries, key=order)], key="gallery")
    card = catalogue.entries[opened].card if opened else None
    page = page_of(card) if card else None
    if card and page:
        st.switch_page(page[0], query_params={page[2]: card.id})

st.header("The lecture, as a map", divider="gray")
with st.grid("auto", min_column_width=260):
    for topic in TOPICS:
        with st.container(border=True):
            st.markdown(f"**{topic.name}**  \n{topic.idea}")
            if topic.page:
                st.page_link(
                    topic.page,
                    label=topic.look,
                    icon=":material/arrow_forward:",
                    query_params=dict(topic.query),
                )
            else:
                st.caption(topic.look)

show_broken()
