"""Tests of faust_cdc.connect."""
