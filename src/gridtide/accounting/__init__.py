"""Energy, emissions, baselines and savings."""
