"""The initial snapshot."""
