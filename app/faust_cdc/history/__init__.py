"""Debezium's schema history: tables as the JSON that its records carry."""
