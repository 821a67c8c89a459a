"""Pure functions from a workload, a series and an instant to a decision."""
