"""The demo: one command from an empty machine to live change events."""
