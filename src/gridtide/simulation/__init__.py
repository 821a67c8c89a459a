"""The production planner and engine on a virtual clock, and vectorised backtests."""
