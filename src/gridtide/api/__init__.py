"""The Python door: wiring of the rooms below, `CarbonScheduler` and its synchronous twin."""
