"""Public test kit: fake clock, fake provider server, contract suites."""
