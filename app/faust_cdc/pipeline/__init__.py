"""The data plane of one connector task: source transactions in, Kafka transactions out."""
