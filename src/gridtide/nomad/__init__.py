"""Nomad. Its room is kept free; it comes after the core."""
