"""Source partitions and offsets in Kafka Connect's and Debezium's format."""

from faust_cdc.offsets.model import SourceOffset, SourcePartition
from faust_cdc.offsets.partitioner import murmur2_partition

__all__ = ["SourceOffset", "SourcePartition", "murmur2_partition"]
