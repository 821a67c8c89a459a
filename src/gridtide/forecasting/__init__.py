"""Forecasts where a provider has none, and how good they are."""
