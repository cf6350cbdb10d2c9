"""Words of a stranger on a page: they are shown, and do nothing."""

from dashboard.shared.links import cited, code, plain


def test_a_strangers_words_hold_no_link_and_no_picture() -> None:
    told = plain("![x](http://host/a.png) [y](http://host) <b> www.host.example $x$ `c`")
    assert "![" not in told
    assert "](" not in told.replace("\\](", "")
    assert "://" not in told
    assert "\\<b\\>" in told
    assert "www.host" not in told
    assert plain("moons-flow-spline") == "moons-flow-spline"


def test_addresses_of_a_reference_are_links_and_nothing_else_is() -> None:
    told = cited("Ho et al., DDPM, 2020. https://arxiv.org/abs/2006.11239")
    assert told == "Ho et al., DDPM, 2020. <https://arxiv.org/abs/2006.11239>"
    hostile = cited("![x](http://a.example/p.png) [y](javascript:alert(1)) <b> file:///etc")
    assert "![" not in hostile.replace("\\[", "")
    assert "](" not in hostile.replace("\\]", "").replace("\\[", "")
    assert "\\<b\\>" in hostile
    assert "file://" not in hostile


def test_code_cannot_be_left() -> None:
    assert code("a `b`\n![c](d)") == "`a 'b' ![c](d)`"
