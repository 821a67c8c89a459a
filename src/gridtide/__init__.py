"""Gridtide: run work when and where the electricity grid is clean."""
