"""Configuration: one declaration per option, and the typed values that come of it."""
