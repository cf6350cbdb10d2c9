"""What a card says of where its model came from."""

import pytest

from training.export.provenance import portable


@pytest.mark.parametrize(
    "typed",
    [
        "python -m training train moons-ddpm --runs '/home/me/my runs' --lr 0.001",
        "python -m training train moons-ddpm --lr 0.001 --runs=/data/runs",
        "python -m training train moons-ddpm --exported /data/exported --lr 0.001",
        "python -m training train moons-ddpm --lr 0.001",
    ],
)
def test_folders_of_a_machine_do_not_reach_the_card(typed: str) -> None:
    assert portable(typed) == "python -m training train moons-ddpm --lr 0.001"
    assert portable(f"{typed} && {typed}") == " && ".join([portable(typed)] * 2)
