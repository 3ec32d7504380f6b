"""Tests of faust_cdc.binlog."""
