"""Fixtures of every test: the real servers of tests/lab. Settings of every test of properties."""

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.lab.fixtures"]

# How long an example takes says something of the machine only, and of what else runs on it.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")
