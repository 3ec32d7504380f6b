"""Kafka Connect's semantics: its internal records, the herder, states, validation against the database."""
