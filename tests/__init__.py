"""Tests of faust-cdc; they run against real servers, which tests.lab installs and starts."""
