"""Column definitions of SHOW CREATE TABLE into the relational model, as far as the golden tables need it."""

import re

from faust_cdc.relational.model import Column, Table, TableId

_DEFINITION = re.compile(
    r"(?P<type>\w+)(?:\((?P<arguments>(?:'(?:[^']|'')*'|[^)'])*)\))?(?P<unsigned> unsigned)?"
    r"(?: CHARACTER SET (?P<charset>\w+) COLLATE \w+)?(?P<rest>.*)"
)
_DEFAULT = re.compile(r"DEFAULT (?P<bit>b'[01]*'|NULL|CURRENT_TIMESTAMP(?:\(\d\))?|'(?:[^']|'')*'|\(.*\))")
_CHARACTER = ("char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set")


def column_from_ddl(name: str, position: int, ddl: str) -> Column:
    """Return the column called `name` that `ddl` defines."""
    match = _DEFINITION.fullmatch(ddl)
    assert match is not None, ddl
    arguments = match["arguments"]
    numbers = [int(one) for one in arguments.split(",")] if arguments and arguments[0].isdigit() else []
    labels = [one.replace("''", "'") for one in re.findall(r"'((?:[^']|'')*)'", arguments or "")]
    default = _DEFAULT.search(match["rest"])
    generated = "GENERATED ALWAYS" in match["rest"]
    text = None if default is None or generated else default["bit"]
    is_expression = text is not None and text[0] in "(C"
    if text is not None and text.startswith("'"):
        text = text[1:-1].replace("''", "'")
    return Column(
        name=name,
        type_name=match["type"],
        position=position,
        nullable="NOT NULL" not in match["rest"],
        unsigned=match["unsigned"] is not None,
        length=numbers[0] if numbers else None,
        scale=numbers[1] if len(numbers) > 1 else None,
        charset=match["charset"] or ("utf8mb4" if match["type"] in _CHARACTER else None),
        enum_values=tuple(labels),
        has_default=text is not None,
        default=None if text in (None, "NULL") else text,
        default_is_expression=is_expression,
        generated=generated,
        type_expression=match[0][: match.start("rest")],
    )


def table_of(database: str, name: str, columns: dict[str, str], primary_key: tuple[str, ...] = ()) -> Table:
    """Return a table from its columns' definitions by name."""
    built = [column_from_ddl(column, position, ddl) for position, (column, ddl) in enumerate(columns.items())]
    return Table(TableId(database, name), tuple(built), primary_key)
