"""Functions that are written differently in each database."""

import typing

import sqlalchemy
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import compiler as sql

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


@compiles(Octets, 'sqlite')
def _octets_sqlite(
    element: Octets, compiler: sql.SQLCompiler, **arguments: typing.Any
) -> str:
    # octet_length() came with SQLite 3.43.
    text = compiler.process(element.clauses, **arguments)
    return f'length(CAST({text} AS BLOB))'


@compiles(Place, 'mysql')
def _place_mysql(
    element: Place, compiler: sql.SQLCompiler, **arguments: typing.Any
) -> str:
    needle_and_text = compiler.process(element.clauses, **arguments)
    return f'LOCATE({needle_and_text})'


@compiles(Place, 'postgresql')
def _place_postgresql(
    element: Place, compiler: sql.SQLCompiler, **arguments: typing.Any
) -> str:
    needle, text = _arguments(element, compiler, arguments)
    return f'position({needle} IN {text})'


@compiles(Place, 'sqlite')
def _place_sqlite(
    element: Place, compiler: sql.SQLCompiler, **arguments: typing.Any
) -> str:
    # The other way round than the others have them.
    needle, text = _arguments(element, compiler, arguments)
    return f'instr({text}, {needle})'


@compiles(End, 'mysql')
def _end_mysql(
    element: End, compiler: sql.SQLCompiler, **arguments: typing.Any
) -> str:
    value = compiler.process(element.clauses, **arguments)
    return f'RIGHT({value}, {terms.VERSION_SIZE})'


@compiles(End, 'postgresql')
def _end_postgresql(
    element: End, compiler: sql.SQLCompiler, **arguments: typing.Any
) -> str:
    value = compiler.process(element.clauses, **arguments)
    # right() is for texts only.
    before = f'octet_length({value}) - {terms.VERSION_SIZE - 1}'
    return f'substring({value} FROM {before})'


@compiles(End, 'sqlite')
def _end_sqlite(
    element: End, compiler: sql.SQLCompiler, **arguments: typing.Any
) -> str:
    value = compiler.process(element.clauses, **arguments)
    return f'substr({value}, -{terms.VERSION_SIZE})'


@compiles(JsonRows, 'mysql')
def _json_rows_mysql(
    element: JsonRows, compiler: sql.SQLCompiler, **arguments: typing.Any
) -> str:
    values = compiler.process(element.clauses, **arguments)
    return f'JSON_ARRAY(COUNT(*), JSON_ARRAYAGG(JSON_ARRAY({values})))'


@compiles(JsonRows, 'postgresql')
def _json_rows_postgresql(
    element: JsonRows, compiler: sql.SQLCompiler, **arguments: typing.Any
) -> str:
    values = compiler.process(element.clauses, **arguments)
    rows = f'json_agg(json_build_array({values}))'
    return f'CAST(json_build_array(count(*), {rows}) AS TEXT)'


@compiles(JsonRows, 'sqlite')
def _json_rows_sqlite(
    element: JsonRows, compiler: sql.SQLCompiler, **arguments: typing.Any
) -> str:
    values = compiler.process(element.clauses, **arguments)
    return f'json_array(count(*), json_group_array(json_array({values})))'


def _arguments(
    element: Function,
    compiler: sql.SQLCompiler,
    arguments: dict[str, typing.Any],
) -> list[str]:
    """Return what a function is called with, each as SQL."""
    return [
        compiler.process(clause, **arguments) for clause in element.clauses
    ]
