"""Functions that are written differently in each database."""

import typing

import sqlalchemy
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import compiler as sql

from freezer_api.db.sqlalchemy import models
from freezer_api.db.sqlalchemy.search import terms

Function = sqlalchemy.sql.functions.GenericFunction


class Octets(Function):
    """How many bytes a text is in UTF-8."""

    type = sqlalchemy.BigInteger()
    name = 'octet_length'
    inherit_cache = True


class Place(Function):
    """Where bytes begin in other bytes, counted from 1; 0 if they aren't
    there.
    """

    type = sqlalchemy.Integer()
    name = 'place'
    inherit_cache = True


class End(Function):
    """The last bytes of a value, as many as tell the version of an index."""

    type = sqlalchemy.LargeBinary()
    name = 'freezer_end'
    inherit_cache = True


class JsonRows(Function):
    """The rows of a group as one JSON text: their number, and a list of them,
    which are lists of values; null instead of an empty list.

    MySQL and MariaDB answer NULL where that is longer than
    max_allowed_packet, and may leave out rows beyond group_concat_max_len.
    """

    type = sqlalchemy.Text()
    name = 'freezer_json_rows'
    inherit_cache = True


class Joined(Function):
    """Texts and numbers, one behind the other; NULL if one of them is."""

    type = sqlalchemy.Text()
    name = 'freezer_joined'
    inherit_cache = True


def spaced(*values: sqlalchemy.ColumnElement) -> Joined:
    """Return texts and numbers with spaces between them."""
    space = sqlalchemy.literal_column("' '", sqlalchemy.String)
    parts: list[sqlalchemy.ColumnElement] = []
    for value in values:
        parts += [space, value]
    return Joined(*parts[1:])


class ShortJson(Function):
    """A text as JSON; in MySQL one that isn't short may be cut, so that it is
    no JSON any more.
    """

    type = sqlalchemy.Text()
    name = 'freezer_short_json'
    inherit_cache = True


class ShortJsonRows(Function):
    """The same as :class:`JsonRows`, but what isn't short may be cut, so that
    it is no JSON any more.

    It is JsonRows itself but in MySQL and MariaDB. These put what may be long
    together in a temporary table on the disk, made for each execution: five
    times as much work as all the rest of reading a session. Each part that has
    at most :data:`SHORT` characters is put together in memory.
    """

    type = sqlalchemy.Text()
    name = 'freezer_short_json_rows'
    inherit_cache = True


#: From one character more on, MySQL takes a text for a long one.
SHORT = 512

_ROWS_IN_POSTGRESQL = (
    'CAST(json_build_array(count(*),'
    ' json_agg(json_build_array({all}))) AS TEXT)'
)
_ROWS_IN_SQLITE = 'json_array(count(*), json_group_array(json_array({all})))'

#: How a function is written in a database, where its name isn't enough: with
#: its first arguments, {0} and {1}, or all of them.
_TEMPLATES: tuple[tuple[type[Function], str, str], ...] = (
    # octet_length() came with SQLite 3.43.
    (Octets, 'sqlite', 'length(CAST({0} AS BLOB))'),
    (Place, 'mysql', 'LOCATE({0}, {1})'),
    (Place, 'postgresql', 'position({0} IN {1})'),
    # The other way round than the others have them.
    (Place, 'sqlite', 'instr({1}, {0})'),
    (End, 'mysql', f'RIGHT({{0}}, {terms.VERSION_SIZE})'),
    # right() is for texts only.
    (
        End,
        'postgresql',
        'substring({0} FROM'
        f' octet_length({{0}}) - {terms.VERSION_SIZE - 1})',
    ),
    (End, 'sqlite', f'substr({{0}}, -{terms.VERSION_SIZE})'),
    (
        JsonRows,
        'mysql',
        'JSON_ARRAY(COUNT(*), JSON_ARRAYAGG(JSON_ARRAY({all})))',
    ),
    # Cut, it lacks the quote at its end.
    (
        ShortJson,
        'mysql',
        f'LEFT(JSON_QUOTE({{0}}), {SHORT}) COLLATE utf8mb4_bin',
    ),
    (ShortJson, 'postgresql', 'CAST(to_json({0}) AS TEXT)'),
    (ShortJson, 'sqlite', 'json_quote({0})'),
    (Joined, 'mysql', 'CONCAT({all})'),
    # CONCAT would take NULL for nothing.
    (Joined, 'postgresql', '({chain})'),
    (Joined, 'sqlite', '({chain})'),
    (JsonRows, 'postgresql', _ROWS_IN_POSTGRESQL),
    (ShortJsonRows, 'postgresql', _ROWS_IN_POSTGRESQL),
    (JsonRows, 'sqlite', _ROWS_IN_SQLITE),
    (ShortJsonRows, 'sqlite', _ROWS_IN_SQLITE),
)


def _write_by(function: type[Function], dialect: str, template: str) -> None:
    """Have a function written by a template in a database."""

    @compiles(function, dialect)
    def compile_function(
        element: Function, compiler: sql.SQLCompiler, **named: typing.Any
    ) -> str:
        """Return the function as SQL."""
        written = [
            compiler.process(clause, **named) for clause in element.clauses
        ]
        return template.format(
            *written, all=', '.join(written), chain=' || '.join(written)
        )


for _function, _dialect, _template in _TEMPLATES:
    _write_by(_function, _dialect, _template)


@compiles(ShortJsonRows, 'mysql')
def _write_short_json_rows(
    element: Function, compiler: sql.SQLCompiler, **named: typing.Any
) -> str:
    parts = []
    for clause in element.clauses:
        if clause.type is models.Word:
            # It has nothing that would have to be escaped.
            part = f"'\"', {compiler.process(clause, **named)}, '\"'"
        elif isinstance(clause.type, sqlalchemy.String):
            part = compiler.process(ShortJson(clause), **named)
        else:
            part = compiler.process(clause, **named)
        parts.append(part)
    row = ", ',', ".join(parts)
    rows = f"IFNULL(GROUP_CONCAT('[', {row}, ']'), '')"
    return f"CONCAT('[', COUNT(*), ',[', {rows}, ']]')"
