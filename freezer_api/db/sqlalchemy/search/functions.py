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
    (
        JsonRows,
        'postgresql',
        'CAST(json_build_array(count(*),'
        ' json_agg(json_build_array({all}))) AS TEXT)',
    ),
    (
        JsonRows,
        'sqlite',
        'json_array(count(*), json_group_array(json_array({all})))',
    ),
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
        return template.format(*written, all=', '.join(written))


for _function, _dialect, _template in _TEMPLATES:
    _write_by(_function, _dialect, _template)
