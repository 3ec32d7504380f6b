"""HTTP resources of the worker: bodies in, entities and error bodies out; no logic."""
