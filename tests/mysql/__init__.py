"""Tests of faust_cdc.mysql."""
