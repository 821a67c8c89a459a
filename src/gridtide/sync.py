"""The blocking scheduler, under the name that callers look for: ``from gridtide.sync import CarbonScheduler``."""

from gridtide.api.sync import CarbonScheduler

__all__ = ["CarbonScheduler"]
