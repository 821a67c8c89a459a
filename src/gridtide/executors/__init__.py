"""What starts, pauses and stops the work."""
