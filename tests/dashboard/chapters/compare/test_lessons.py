"""What the lesson of the page that compares claims, from the cards."""

from dashboard.chapters.compare.scenes.scores import figure_of
from dashboard.plots.bounds import inference
from dashboard.shared import catalogue
from tests.dashboard.told import right


def test_only_gans_have_no_density_and_the_others_are_near_the_data() -> None:
    cards = catalogue.main_models(catalogue.models_of("gaussians8"))
    assert [card.family for card in cards if inference(card) == "no"] == ["gan"]
    for card in cards:
        if card.family in {"flow", "ddpm"}:
            found = figure_of(card, "kl", "kl_ode")
            assert found is not None
            assert found.value < 0.1
    assert right("compare") == "GANs"
