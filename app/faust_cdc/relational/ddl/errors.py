"""The errors of reading DDL."""

from __future__ import annotations


class DdlSyntaxError(ValueError):
    """A statement that the reader cannot read; nothing stops by it, the tables' structures are read anew.

    Not one of the tree of `faust_cdc.errors`: it never leaves whoever asked for the reading.
    """

    def __init__(self, offset: int, found: str, expected: str) -> None:
        super().__init__(f"at character {offset}: found {found}, expected {expected}")
        self.offset = offset
        self.found = found
        self.expected = expected
