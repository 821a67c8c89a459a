"""The providers' own shapes and quirks, one module per family."""
