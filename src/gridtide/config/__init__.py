"""Settings tables and loading."""
