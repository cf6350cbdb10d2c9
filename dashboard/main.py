"""The pages of the lab and how one gets from one to the other."""

from pathlib import Path

import streamlit as st

from dashboard.shared.guard import guarded
from dashboard.shared.images import absent

st.set_page_config(
    page_title="Generative Models Lab",
    # A file, not an icon by name: Streamlit fetches those for the tab from another host.
    page_icon=str(Path(__file__).with_name("icon.svg")),
    layout="wide",
    menu_items={"Get help": None, "Report a bug": None},
)

st.html(Path(__file__).with_name("page.css"))

PAGES = [
    st.Page("chapters/home/page.py", title="Lab", icon=":material/blur_on:", default=True),
    st.Page(
        "chapters/compare/page.py", title="Compare", icon=":material/compare:", url_path="compare"
    ),
    st.Page("chapters/flows/page.py", title="Flows", icon=":material/waves:", url_path="flows"),
    st.Page("chapters/gans/page.py", title="GANs", icon=":material/swords:", url_path="gans"),
    st.Page(
        "chapters/diffusion/forward.py",
        title="Forward",
        icon=":material/water_drop:",
        url_path="forward",
    ),
    st.Page(
        "chapters/diffusion/page.py",
        title="Diffusion",
        icon=":material/grain:",
        url_path="diffusion",
    ),
    st.Page(
        "chapters/diffusion/reverse_step.py",
        title="Reverse step",
        icon=":material/undo:",
        url_path="reverse",
    ),
]

IMAGES = {
    "chapters/diffusion/images/page.py": (
        "Diffusion on images",
        ":material/grain:",
        "diffusion-images",
    ),
    "chapters/gans/images/page.py": ("GAN on images", ":material/swords:", "gan-images"),
    "chapters/flows/images/page.py": ("Flow on images", ":material/waves:", "flow-images"),
}
missing = absent()
images = [
    st.Page(script, title=title, icon=icon, url_path=path)
    for script, (title, icon, path) in IMAGES.items()
    if script not in missing
]
page = st.navigation({"": PAGES, "Images": images} if images else PAGES, position="top")
with guarded():
    page.run()
