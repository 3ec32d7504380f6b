"""A transactional producer on Kafka's own protocol: no thread of its own, record batches made in C."""
