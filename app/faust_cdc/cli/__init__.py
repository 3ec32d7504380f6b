"""The `faust-cdc` command."""

from faust_cdc.cli.commands import main

__all__ = ["main"]
