"""The tasks of `docs/tasks.md`, by visible words alone, from the front page on."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="pip install playwright")

from playwright.sync_api import Locator, Page, expect

from tests.dashboard.browsing import Open, Windows, settle, visiting

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TASKS = Path(__file__).parents[2] / "docs" / "tasks.md"
READY = ".stage[data-ready=true], .wall[data-ready=true], .pad[data-ready=true]"


class Visitor:
    """Somebody who reads the screen and uses a mouse and a keyboard."""

    def __init__(self, page: Page, visit: Open) -> None:
        self.page, self.visit = page, visit

    def rest(self) -> None:
        """Wait until the page has answered."""
        settle(self.page)

    def menu(self, *words: str) -> None:
        """Choose a page in the menu, under a heading where there are two words."""
        *heading, last = words
        for each in heading:
            self.page.get_by_test_id("stTopNavSection").get_by_text(each).click()
        if heading:
            self.page.get_by_test_id("stTopNavPopover").get_by_text(last, exact=True).click()
        else:
            self.page.get_by_role("link", name=last, exact=True).first.click()
        self.page.locator(READY).first.wait_for(timeout=60_000)
        self.rest()

    def view(self, words: str) -> None:
        """Choose a view, or another of a few options."""
        self.page.get_by_role("radio", name=words, exact=True).click()
        self.rest()

    def choose(self, label: str, words: str) -> None:
        """Choose in a list."""
        self.page.get_by_role("combobox", name=label).click()
        self.page.get_by_role("option").filter(has_text=words).first.click()
        self.rest()

    def try_this(self, words: str) -> None:
        """Unfold the lesson and follow one of its links."""
        self.page.get_by_text("Try this, notice that, and why").click()
        self.page.get_by_role("link", name=words).click()
        self.page.locator(READY).first.wait_for(timeout=60_000)
        self.rest()

    def number(self, words: str) -> str:
        """The number that stands under its name."""
        term = self.page.locator("dt").filter(has_text=re.compile(f"^{re.escape(words)}$")).first
        return term.locator("xpath=following-sibling::dd").inner_text()

    def value(self, words: str) -> float:
        """The first of the numbers under a name."""
        return read(self.number(words).split("|")[0])

    @property
    def strip(self) -> Locator:
        return self.page.locator(".strip").first

    def scrub(self, key: str) -> None:
        """Go to an end of the film."""
        self.strip.focus()
        self.strip.press(key)
        self.rest()


def read(words: str) -> float:
    """A number as people write it: 9·10⁵, −0.3, 1,000."""
    plain = words.replace("−", "-").replace(",", "").strip()
    power = re.search(r"(?:([-\d.]+)·)?10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", plain)
    if power:
        digits = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
        return float(power[1] or 1) * 10.0 ** int(power[2].translate(digits))
    found = re.search(r"-?\d+(\.\d+)?(e-?\d+)?", plain)
    assert found, words
    return float(found[0])


@pytest.fixture
def visitor(windows: Windows, server: str) -> Iterator[Visitor]:
    with visiting(windows) as visit:
        yield Visitor(visit(f"{server}/", ".gallery"), visit)


def test_every_task_is_tried() -> None:
    told = re.findall(r"^\| (\d+) \|", TASKS.read_text(), re.M)
    tried = {name.split("_")[2] for name in globals() if name.startswith("test_task_")}
    assert sorted(told, key=int) == sorted(tried, key=int)
    assert len(told) == 20


def test_task_1_how_likely_is_the_empty_middle(visitor: Visitor) -> None:
    visitor.menu("Flows")
    visitor.try_this("Put the point on a Gaussian")
    there = visitor.value("log p(x), nats")
    visitor.try_this("Put it in the empty middle")
    assert visitor.value("log p(x), nats") < there - 8


def test_task_2_which_flow_cannot(visitor: Visitor) -> None:
    visitor.menu("Flows")
    visitor.view("transformations")
    expect(visitor.page.get_by_text("Affine", exact=True)).to_be_visible()
    kls = [read(text) for text in visitor.page.get_by_test_id("stMetricValue").all_inner_texts()]
    assert max(kls[::2]) == kls[0]  # a KL and a −log p for each of four


def test_task_3_before_the_training(visitor: Visitor) -> None:
    visitor.menu("Flows")
    visitor.view("training")
    visitor.try_this("Go back to the untrained flow")
    expect(visitor.page.locator(".now").first).to_have_text(re.compile(r"^step 0\b"))


def test_task_4_without_the_jacobian(visitor: Visitor) -> None:
    visitor.menu("Flows")
    visitor.view("bend")
    naive = "∫ N(f⁻¹(x)) dx, naive"
    assert visitor.value(naive) > 1.2
    visitor.page.get_by_role("button", name="Straighten").click()
    visitor.rest()
    assert visitor.value(naive) == pytest.approx(1, abs=0.01)
    assert visitor.value("∫ p(x) dx, with the Jacobian") == pytest.approx(1, abs=0.001)


def test_task_5_a_guess_is_answered(visitor: Visitor) -> None:
    visitor.menu("Flows")
    visitor.view("bend")
    visitor.page.get_by_role("button", name="Guess first").click()
    guess = visitor.page.get_by_placeholder("your guess")
    guess.fill("1.5")
    guess.press("Enter")
    shown = visitor.number("∫ N(f⁻¹(x)) dx, naive")
    expect(visitor.page.get_by_text(f"The page showed {shown}")).to_be_visible()
    off = visitor.page.get_by_text("you are off by").inner_text().split("off by ")[1]
    assert float(off.rstrip(".")) == pytest.approx(abs(read(shown) - 1.5), abs=0.005)


def test_task_6_where_the_middle_goes(visitor: Visitor) -> None:
    visitor.menu("GANs")
    noise: Any = visitor.page.locator(".stage canvas").nth(1).bounding_box()
    handle: Any = visitor.page.locator(".stage .handle").first.bounding_box()
    visitor.page.mouse.move(*middle(handle))
    visitor.page.mouse.down()
    visitor.page.mouse.move(*middle(noise), steps=5)
    visitor.page.mouse.up()
    visitor.rest()
    z = [read(part) for part in visitor.number("z").strip("()").split(", ")]
    assert max(map(abs, z)) < 0.1
    assert len(visitor.number("G(z)").strip("()").split(", ")) == 2


def middle(box: dict[str, float]) -> tuple[float, float]:
    """The middle of what is on the screen."""
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_task_7_before_and_after(visitor: Visitor) -> None:
    visitor.menu("GANs")
    visitor.view("training")
    visitor.scrub("Home")
    first = visitor.page.locator(".now").first.inner_text()
    assert first.startswith("step 0")
    visitor.scrub("End")
    last = visitor.page.locator(".now").first.inner_text()
    assert read(last.removeprefix("step ")) >= 1_000


def test_task_8_five_steps_of_the_discriminator(visitor: Visitor) -> None:
    visitor.menu("GANs")
    visitor.view("objectives")
    visitor.view("5")
    visitor.scrub("End")
    shares = re.findall(r"(\d+)%", visitor.page.locator(".now").first.inner_text())
    assert len(shares) == 3
    assert max(map(int, shares)) > 50


def test_task_9_when_noise_hides_the_data(visitor: Visitor) -> None:
    visitor.menu("Forward")
    visitor.scrub("Home")
    before = visitor.value("KL to noise, nats")
    visitor.scrub("End")
    assert visitor.value("KL to noise, nats") < 0.01 < before


def test_task_10_a_step_that_is_not_gaussian(visitor: Visitor) -> None:
    visitor.menu("Reverse step")
    visitor.scrub("Home")
    small = visitor.value("KL to the best Gaussian, nats")
    visitor.scrub("End")
    assert visitor.value("KL to the best Gaussian, nats") > 100 * small


def test_task_11_the_link_to_that_step(visitor: Visitor) -> None:
    visitor.menu("Reverse step")
    visitor.scrub("End")
    names = ("KL to the best Gaussian, nats", "KL to DDPM's Gaussian, nats")
    shown = [visitor.number(name) for name in names]
    other = Visitor(visitor.visit(visitor.page.url, READY), visitor.visit)
    other.rest()
    assert [other.number(name) for name in names] == shown
    assert other.page.locator(".now").first.inner_text() == (
        visitor.page.locator(".now").first.inner_text()
    )


def test_task_12_the_best_sampler_in_ten_evaluations(visitor: Visitor) -> None:
    visitor.menu("Diffusion")
    visitor.view("race")
    visitor.view("10")
    titles = visitor.page.get_by_text(re.compile(r"^(DDIM|Heun|DPM-Solver\+\+\(2M\)): off by"))
    expect(titles).to_have_count(3, timeout=30_000)
    errors = [read(text.split("off by")[1]) for text in titles.all_inner_texts()]
    assert all(0 < error < 2 for error in errors)


def test_task_13_terms_of_a_likelihood(visitor: Visitor) -> None:
    visitor.menu("Diffusion")
    visitor.view("likelihood")
    terms = visitor.page.locator("dt").filter(has_text=re.compile(r"^[=+−] "))
    said = [text.strip() for text in terms.all_inner_texts()]
    assert len(said) >= 3
    total = sum(visitor.value(name) for name in said)
    assert total == pytest.approx(visitor.value("learned log p(x), nats"), abs=0.003)


def test_task_14_ten_sevens(visitor: Visitor) -> None:
    visitor.menu("Images", "Diffusion on images")
    visitor.view("7")
    wall = visitor.page.locator(".wall[data-ready=true]").first
    expect(wall).to_be_visible(timeout=60_000)
    expect(visitor.page.get_by_text(re.compile("class 7")).first).to_be_visible()


def test_task_15_bits_of_ones_own_digit(visitor: Visitor) -> None:
    visitor.menu("Images", "Flows on images")
    visitor.view("bits")
    visitor.view("drawn")
    pad: Any = visitor.page.locator(".pad canvas").first.bounding_box()
    x, y = middle(pad)
    visitor.page.mouse.move(x, y - pad["height"] / 4)
    visitor.page.mouse.down()
    visitor.page.mouse.move(x, y + pad["height"] / 4, steps=8)
    visitor.page.mouse.up()
    visitor.rest()
    expect(visitor.page.get_by_test_id("stMetricValue").first).to_have_text(
        re.compile(r"\d\.\d"), timeout=60_000
    )


def test_task_16_families_on_digits(visitor: Visitor) -> None:
    visitor.menu("Compare")
    visitor.choose("Data set", "MNIST")
    for words in ("real images", "flow", "GAN", "diffusion model"):
        expect(visitor.page.get_by_text(words, exact=True).first).to_be_visible(timeout=60_000)


def test_task_17_samples_as_a_table(visitor: Visitor) -> None:
    visitor.menu("Flows")
    with visitor.page.expect_download() as waiting:
        visitor.page.get_by_role("button", name=re.compile(r"csv")).first.click()
    assert "flow" in waiting.value.suggested_filename
    with waiting.value.path().open() as file:
        rows = list(csv.reader(file))
    assert len(rows) > 100
    assert all(len(row) == len(rows[0]) for row in rows)


def test_task_18_for_a_lecture_hall(visitor: Visitor) -> None:
    visitor.menu("Reverse step")
    visitor.page.get_by_role("button", name=re.compile("full screen", re.I)).first.click()
    expect(visitor.strip).to_be_visible()
    expect(visitor.page.locator("dt").first).to_be_visible()
    filled = visitor.page.evaluate("() => document.fullscreenElement !== null")
    assert filled
    visitor.page.keyboard.press("Escape")


def test_task_19_a_film_on_a_slide(visitor: Visitor) -> None:
    visitor.menu("Forward")
    visitor.page.get_by_role("button", name=re.compile("^Lecture mode")).first.click()
    visitor.page.wait_for_url(re.compile("present=1"))
    settle(visitor.page)
    expect(visitor.page.locator(".stage canvas").first).to_be_visible()
    expect(visitor.page.get_by_role("combobox")).to_have_count(0)
    visitor.page.get_by_role("button", name="Leave the lecture mode").first.click()
    visitor.page.wait_for_url(re.compile("forward(?!.*present)"))
    expect(visitor.page.get_by_role("combobox").first).to_be_visible()


def test_task_20_from_topic_to_topic(visitor: Visitor) -> None:
    visitor.menu("Flows")
    seen = [visitor.page.url]
    for _ in range(3):
        visitor.page.get_by_role("link", name=re.compile("^(arrow_forward )?Next: ")).click()
        visitor.page.locator(READY).first.wait_for(timeout=60_000)
        visitor.rest()
        seen.append(visitor.page.url)
    assert len(set(seen)) == 4
