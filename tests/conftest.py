"""Settings of the whole suite."""

from hypothesis import settings

# How long an example takes depends on what else the machine does: no test measures time.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
