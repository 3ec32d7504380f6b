"""Fixtures of every test: the real servers of tests/lab."""

pytest_plugins = ["tests.lab.fixtures"]
