"""Tests of faust_cdc.config."""
