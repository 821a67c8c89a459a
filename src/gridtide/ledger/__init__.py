"""Intents, decisions and outcomes that outlive the process."""
