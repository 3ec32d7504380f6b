"""The declarations of all options, one module per group of `validate`."""
