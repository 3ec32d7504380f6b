"""What stream applications written with Faust need to read our topics: `read_committed.App` and its tables.

Our change topics and our internal topics are written in Kafka transactions. Stock Faust reads uncommitted records
and its tables hang on transaction markers; an application that uses `faust_kit.App` instead of `faust.App` sees only
what was committed:

    from faust_cdc_schemas.faust_kit import App

    app = App("my-joins", broker="kafka://localhost:9092", broker_max_poll_interval=1e6)
    topic = app.topic("shop.inventory.customers", key_serializer="raw", value_serializer="raw", partitions=1)
    customers = app.GlobalTable("customers", changelog_topic=topic, partitions=1, recovery_buffer_size=1,
                                key_type=bytes, value_type=bytes, synchronize_all_active_partitions=True)
"""

from faust_cdc_schemas.faust_kit.read_committed import App, GlobalTable, Transport

__all__ = ["App", "GlobalTable", "Transport"]
