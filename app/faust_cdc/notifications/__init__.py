"""What a connector tells of its snapshots and signals, and where: a topic, the log, REST."""
