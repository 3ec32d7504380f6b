"""DDL in four words: parse, resolve, store the resolved, apply (maxwell `schema/ddl`).

`parse` reads a text into statements; `resolve` says what tables a statement makes of those before it. A statement that
cannot be read (`DdlSyntaxError`), or whose outcome its text does not tell (`Unresolvable`), stops nothing: the
structures of the tables it names are read anew. What it is about `heading` tells, by its first words alone.
"""

from faust_cdc.relational.ddl.beginning import beginning
from faust_cdc.relational.ddl.changes import ChangeKind, TableChange, Unresolvable
from faust_cdc.relational.ddl.context import CharsetPair, DdlContext
from faust_cdc.relational.ddl.errors import DdlSyntaxError
from faust_cdc.relational.ddl.heading import heading, words_of
from faust_cdc.relational.ddl.parse import parse
from faust_cdc.relational.ddl.resolve import named_tables, resolve
from faust_cdc.relational.ddl.statements import Statement
from faust_cdc.relational.ddl.text import StatementText

__all__ = [
    "ChangeKind",
    "CharsetPair",
    "DdlContext",
    "DdlSyntaxError",
    "Statement",
    "StatementText",
    "TableChange",
    "Unresolvable",
    "beginning",
    "heading",
    "named_tables",
    "parse",
    "resolve",
    "words_of",
]
