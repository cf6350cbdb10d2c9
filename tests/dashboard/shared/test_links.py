"""Words of a stranger on a page: they are shown, and do nothing."""

from dashboard.shared.links import plain


def test_a_strangers_words_hold_no_link_and_no_picture() -> None:
    told = plain("![x](http://host/a.png) [y](http://host) <b> www.host.example $x$ `c`")
    assert "![" not in told
    assert "](" not in told.replace("\\](", "")
    assert "://" not in told
    assert "\\<b\\>" in told
    assert "www.host" not in told
    assert plain("moons-flow-spline") == "moons-flow-spline"
