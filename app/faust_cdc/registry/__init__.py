"""Schema registries: the client, and an embedded registry for people who have none."""
