"""The pages of the lab and how one gets from one to the other."""

from pathlib import Path

import streamlit as st

from dashboard.guard import guarded
from dashboard.images.shared import absent

st.set_page_config(
    page_title="Generative Models Lab",
    # A file, not an icon by name: Streamlit fetches those for the tab from another host.
    page_icon=str(Path(__file__).with_name("icon.svg")),
    layout="wide",
    menu_items={"Get help": None, "Report a bug": None},
)

st.html(Path(__file__).with_name("page.css"))

PAGES = [
    st.Page("views/home.py", title="Lab", icon=":material/blur_on:", default=True),
    st.Page("views/compare.py", title="Compare", icon=":material/compare:", url_path="compare"),
    st.Page("views/flows.py", title="Flows", icon=":material/waves:", url_path="flows"),
    st.Page("views/gans.py", title="GANs", icon=":material/swords:", url_path="gans"),
    st.Page("views/forward.py", title="Forward", icon=":material/water_drop:", url_path="forward"),
    st.Page("views/diffusion.py", title="Diffusion", icon=":material/grain:", url_path="diffusion"),
    st.Page("views/denoising.py", title="Reverse step", icon=":material/undo:", url_path="reverse"),
]

IMAGES = {
    "views/diffusion_images.py": ("Diffusion on images", ":material/grain:", "diffusion-images"),
    "views/gan_images.py": ("GAN on images", ":material/swords:", "gan-images"),
    "views/flow_images.py": ("Flow on images", ":material/waves:", "flow-images"),
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
