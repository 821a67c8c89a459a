"""
Settings of all tests.

Properties are checked on the same examples in every run, so that a change is judged by what it changed; set
``GRIDTIDE_EXPLORE=1`` to look for new ones.
"""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "steady", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.register_profile("explore", deadline=None)
settings.load_profile("explore" if os.environ.get("GRIDTIDE_EXPLORE") else "steady")
