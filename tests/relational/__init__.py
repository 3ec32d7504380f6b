"""Tests of faust_cdc.relational."""
