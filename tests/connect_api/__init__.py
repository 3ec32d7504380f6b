"""Kafka Connect's REST API over real HTTP: codes, bodies and texts as recorded from Connect 4.3.1."""
