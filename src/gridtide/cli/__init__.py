"""The command line: wires and translates, decides nothing."""
