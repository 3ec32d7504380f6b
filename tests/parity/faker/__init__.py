"""A seeded faker: tables of every MySQL type and histories of changes, all of it what the server accepts."""
