"""Kafka: the transactional producer, topics, strongly consistent reads."""
