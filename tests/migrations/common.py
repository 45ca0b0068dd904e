"""What tests of the schema have in common: empty databases, what earlier releases stored, and ends
in the midst.
"""

import contextlib
import json
import pathlib
import typing

import sqlalchemy

from freezer_api import db
from freezer_api.db.base import Storage
from freezer_api.db.sqlalchemy.connections import engines
from freezer_api.tests.contract import base

#: Where what a release with the schema of this name has stored is: the rows of each table.
FOLDER = pathlib.Path(__file__).parent
#: Statements that leave everything as it was: to break off before one is to break off behind the
#: last other one.
READING = ('SELECT', 'SHOW', 'PRAGMA', 'DESCRIBE')


def load(engine: sqlalchemy.Engine, stored: pathlib.Path) -> None:
    """Put rows into tables that are there and empty."""
    with engine.begin() as connection:
        for name, found in json.loads(stored.read_text()).items():
            values = [
                {
                    key: bytes.fromhex(value['hex']) if isinstance(value, dict) else value
                    for key, value in row.items()
                }
                for row in found
            ]
            if connection.dialect.name == 'mysql':
                # Projects are bytes there, which the tables tell but not what they are of.
                values = [
                    {
                        key: value.encode() if key in ('project', 'scope') else value
                        for key, value in row.items()
                    }
                    for row in values
                ]
            table = sqlalchemy.Table(
                f'freezer_{name}', sqlalchemy.MetaData(), autoload_with=connection
            )
            connection.execute(sqlalchemy.insert(table), values)
            if connection.dialect.name == 'postgresql' and 'created' in table.c:
                connection.exec_driver_sql(
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', 'seq'),"
                    f' {max(row["seq"] for row in values)})'
                )


class Broken(BaseException):
    """The process has ended."""


@contextlib.contextmanager
def breaking(at: int) -> typing.Iterator[list[str]]:
    """Break off before the statement of this number (from 0) that isn't one of :data:`READING`;
    the ones before it.
    """
    done: list[str] = []

    def watch(connection, cursor, statement, parameters, context, many):
        if not statement.lstrip().startswith(READING):
            if len(done) == at:
                raise Broken
            done.append(statement)

    sqlalchemy.event.listen(sqlalchemy.Engine, 'before_cursor_execute', watch)
    try:
        yield done
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, 'before_cursor_execute', watch)


class Empty:
    """An empty database for each test."""

    make_options: typing.Any
    addCleanup: typing.Any

    @classmethod
    def setUpClass(cls):
        """Nothing is shared."""

    def setUp(self):
        self.empty()

    def empty(self):
        """Begin with an empty database."""
        self.options = self.make_options()
        self.conf = base.configured(self.options)
        self.storage: Storage = db.load(self.conf)
        self.addCleanup(self.storage.close)
        self.engine = engines.make_for_schema(self.conf)

    def run_sql(self, *statements: str) -> None:
        with self.engine.begin() as connection:
            for statement in statements:
                connection.execute(sqlalchemy.text(statement))

    def everything(self) -> dict[str, typing.Any]:
        """All columns, indices and rows that there are."""
        inspector = sqlalchemy.inspect(self.engine)
        with self.engine.connect() as connection:
            rows = {
                name: sorted(map(repr, connection.exec_driver_sql(f'SELECT * FROM {name}')))
                for name in inspector.get_table_names()
            }
        return {
            'rows': rows,
            **{
                name: sorted(map(repr, found.items()))
                for name, found in (
                    ('columns', inspector.get_multi_columns()),
                    ('indices', inspector.get_multi_indexes()),
                )
            },
        }

    def tables(self) -> set[str]:
        return set(sqlalchemy.inspect(self.engine).get_table_names())
