"""Avro documents, semantic type names and naming rules of change events, and the kit downstream apps import."""
