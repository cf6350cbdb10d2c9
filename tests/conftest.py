"""Settings of the whole suite, and which tests stay together on one worker."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes depends on what else the machine does: no test measures time.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
os.environ["GENLAB_AHEAD"] = "off"  # pages are tested as they are where nothing was made before

TOGETHER = ("training/export/", "training/families/")
"""Paths whose files share what is dear to make: a training, an export."""


@pytest.hookimpl(tryfirst=True)  # before xdist, which reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group browser tests by file, those of `TOGETHER` by file and recipe, the exported by model.

    All others go to whichever worker is free.
    """
    for item in items:
        path = item.path.relative_to(Path(__file__).parent).as_posix()
        callspec = getattr(item, "callspec", None)
        if path.startswith(TOGETHER) and callspec and "recipe" in callspec.params:
            item.add_marker(pytest.mark.xdist_group(f"{path}:{callspec.params['recipe']}"))
        elif path.startswith(TOGETHER) or item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.xdist_group(path))
        elif path == "test_exported.py":
            item.add_marker(pytest.mark.xdist_group(callspec.id if callspec else item.name))
