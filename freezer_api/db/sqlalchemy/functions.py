"""Functions of the databases that are spelt differently in each."""

import typing

import sqlalchemy
from sqlalchemy.ext.compiler import compiles

from freezer_api.db.sqlalchemy import terms


class Octets(sqlalchemy.sql.functions.GenericFunction):
    """How many bytes a text is in UTF-8."""

    type = sqlalchemy.BigInteger()
    name = 'octet_length'
    inherit_cache = True


@compiles(Octets, 'sqlite')
def _octets_sqlite(
    element: Octets, compiler: typing.Any, **arguments: typing.Any
) -> str:
    return (
        f'length(CAST({compiler.process(element.clauses, **arguments)} AS'
        ' BLOB))'
    )


class Place(sqlalchemy.sql.functions.GenericFunction):
    """Where bytes begin in other bytes, counted from 1; 0 if they aren't
    there.
    """

    type = sqlalchemy.Integer()
    name = 'place'
    inherit_cache = True


@compiles(Place, 'mysql')
def _place_mysql(
    element: Place, compiler: typing.Any, **arguments: typing.Any
) -> str:
    return f'LOCATE({compiler.process(element.clauses, **arguments)})'


@compiles(Place, 'postgresql')
def _place_postgresql(
    element: Place, compiler: typing.Any, **arguments: typing.Any
) -> str:
    needle, text = (
        compiler.process(clause, **arguments) for clause in element.clauses
    )
    return f'position({needle} IN {text})'


@compiles(Place, 'sqlite')
def _place_sqlite(
    element: Place, compiler: typing.Any, **arguments: typing.Any
) -> str:
    needle, text = (
        compiler.process(clause, **arguments) for clause in element.clauses
    )
    return f'instr({text}, {needle})'


class End(sqlalchemy.sql.functions.GenericFunction):
    """The last bytes of a value, as many as tell the version of an index."""

    type = sqlalchemy.LargeBinary()
    name = 'freezer_end'
    inherit_cache = True


@compiles(End, 'sqlite')
def _end_sqlite(
    element: End, compiler: typing.Any, **arguments: typing.Any
) -> str:
    return (
        f'substr({compiler.process(element.clauses, **arguments)},'
        f' -{terms.VERSION_SIZE})'
    )


@compiles(End, 'mysql')
def _end_mysql(
    element: End, compiler: typing.Any, **arguments: typing.Any
) -> str:
    return (
        f'RIGHT({compiler.process(element.clauses, **arguments)},'
        f' {terms.VERSION_SIZE})'
    )


@compiles(End, 'postgresql')
def _end_postgresql(
    element: End, compiler: typing.Any, **arguments: typing.Any
) -> str:
    value = compiler.process(element.clauses, **arguments)
    return (
        f'substring({value} FROM octet_length({value}) -'
        f' {terms.VERSION_SIZE - 1})'
    )
