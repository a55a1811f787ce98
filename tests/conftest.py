"""What all tests share: the same random cases on every run."""

from __future__ import annotations

from hypothesis import settings

# No clock decides over a test on a busy machine, and a failure found once is found again.
settings.register_profile("same-every-time", derandomize=True, deadline=None, database=None)
settings.load_profile("same-every-time")
