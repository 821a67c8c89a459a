"""
Faults of grid data sources as automated runs with figures: ``python -m gridtide.testing.faultrun``.

Each run sets up fake providers, the real client and the real planner on virtual time, breaks something, and measures
what a user would notice: how long until usable values are there again, how many calls it cost, and how many decisions
took power for clean that was not.
"""
