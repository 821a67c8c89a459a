"""One module for each source of grid data."""
