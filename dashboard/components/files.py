"""The browser's half of the components: files of `web/`, read once and joined into one module."""

from __future__ import annotations

import re
from pathlib import Path

WEB = Path(__file__).parent / "web"


def joined(*names: str) -> str:
    """The text of files of `web/`, one after the other.

    An inline component is one ES module with nothing to import, so the parts that stages and
    galleries are written in share one scope. Streamlit takes a text with a line break for inline
    content, any other for a path.

    The text travels with every scene, a drag sends it ten times a second: it goes without lines of
    comments and without indentation.
    """
    text = "\n".join((WEB / name).read_text(encoding="utf-8") for name in names)
    return re.sub(r"^[ \t]*//.*\n|^[ \t]+", "", text, flags=re.MULTILINE)
