"""A connector's options as what the pipeline is made of."""

from __future__ import annotations

from faust_cdc.config.connector import MySqlConnectorConfig
from faust_cdc.pipeline.dispatcher import DispatchRules
from faust_cdc.relational.columns import ColumnSelection
from faust_cdc.transcode.plan import TranscodeOptions


def dispatch_rules(config: MySqlConnectorConfig) -> DispatchRules:
    """Return the options that say which changes become records."""
    return DispatchRules(config.tombstones_on_delete, config.skipped_operations, config.skip_messages_without_change)


def transcode_options(config: MySqlConnectorConfig) -> TranscodeOptions:
    """Return the options that shape records."""
    return TranscodeOptions(
        connector=config.flavor,
        time_precision_mode=config.time_precision_mode,
        decimal_handling_mode=config.decimal_handling_mode,
        bigint_unsigned_handling_mode=config.bigint_unsigned_handling_mode,
        binary_handling_mode=config.binary_handling_mode,
        enable_time_adjuster=config.enable_time_adjuster,
        schema_name_adjustment=config.schema_name_adjustment_mode,
        field_name_adjustment=config.field_name_adjustment_mode,
        compatible=config.compatible,
        custom_converters=config.custom_converters,
        columns=column_selection(config),
    )


def column_selection(config: MySqlConnectorConfig) -> ColumnSelection:
    """Return the options that choose columns and keys and shape values."""
    return ColumnSelection.parse(
        config.column_include_list,
        config.column_exclude_list,
        config.message_key_columns,
        config.column_rules,
        config.column_propagate_source_type,
        config.datatype_propagate_source_type,
        config.include_schema_comments,
    )
