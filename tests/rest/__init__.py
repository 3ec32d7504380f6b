"""Tests of faust_cdc.rest."""
