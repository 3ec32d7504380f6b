"""Single message transforms, without servers."""
