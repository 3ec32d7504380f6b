"""faust-cdc: MySQL and MariaDB changes into Kafka as Avro, compatible with Kafka Connect and Debezium."""

__version__ = "0.1.0"
