"""Settings of the whole suite, and which tests stay together on one worker."""

from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes depends on what else the machine does: no test measures time.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

TOGETHER = ("training/",)
"""Paths whose files share what is dear to make: a training, an export."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group browser tests and those of `TOGETHER` by file, those of the exported by model.

    All others go to whichever worker is free.
    """
    for item in items:
        path = item.path.relative_to(Path(__file__).parent).as_posix()
        if path.startswith(TOGETHER) or item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.xdist_group(path))
        elif path == "test_exported.py" and isinstance(item, pytest.Function):
            parameters = item.callspec.id if hasattr(item, "callspec") else item.name
            item.add_marker(pytest.mark.xdist_group(parameters))
