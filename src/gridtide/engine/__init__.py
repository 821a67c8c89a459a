"""The cycle: take due work, read the grid, plan, act through a port, record; returns when to wake."""
