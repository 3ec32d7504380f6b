"""Source partitions and offsets in Kafka Connect's format."""
