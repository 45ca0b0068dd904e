"""Reading the published service's tables, at every revision of their schema.

Nothing is ever written here, and no transaction lasts longer than one
statement: the published service may use the database meanwhile.
"""

import collections.abc
import contextlib
import typing

import sqlalchemy
from sqlalchemy import bindparam

from freezer_api.db.batches import batches
from freezer_api.domain import documents
from freezer_api.importing import addresses, values
from freezer_api.importing.addresses import NotImportable
from freezer_api.importing.index import PAGE_SIZE, Index
from freezer_api.importing.sessions import Link
from freezer_api.importing.values import Row

#: The revisions that are understood, in their order.
REVISIONS = (
    '1333cef214d9',
    'e74c32f034c5',
    '23c8ad2655a6',
    '29a2fd19eb86',
    '30a3fd20ec97',
    '4f8c679a1d3b',
    'a1b2c3d4e5f6',
    '5c9d21e87f34',
    '7a3b9c1d2e4f',
)
#: The tables that every revision has.
TABLES = ('actions', 'backups', 'clients', 'jobs', 'sessions')
#: The tables of later revisions, by the first one that has them.
_LATER_TABLES = {
    'user_credentials': '29a2fd19eb86',
    'job_actions': 'a1b2c3d4e5f6',
}
#: Table and column of the ids that documents have here, of kinds whose table
#: is named otherwise, or whose rows have ids of their own.
_NAMED_BY = {
    documents.CLIENTS: ('clients', 'client_id'),
    documents.TRUSTS: ('user_credentials', 'trust_id'),
}
#: The table that has the revision.
VERSION_TABLE = 'alembic_version'
#: The version table of the service before it used Alembic.
LEGACY_TABLE = 'migrate_version'
#: The number of MariaDB's error for a text that a column can't have.
_ILLEGAL_MIX = 1267
#: What a row has beside its columns if the operator's project is its project.
UNASSIGNED = 'is_unassigned'


class Source:
    """The published service's database at a URL.

    ``project_id`` is given to rows that have none; they are refused without
    it.
    """

    def __init__(self, url: str, project_id: str | None = None):
        try:
            self._engine = addresses.make_engine(
                url,
                isolation_level='AUTOCOMMIT',
            )
        except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
            raise NotImportable(
                f'The source cannot be read: {error}'
            ) from None
        self._project_id = project_id
        self._tables: dict[str, sqlalchemy.TableClause] = {}
        self._index = Index()
        #: The revision of the schema, once it was opened.
        self.revision = ''

    def open(self) -> None:
        """Find out what the database has; ``NotImportable`` if it can't be
        imported.
        """
        try:
            self._open()
        except sqlalchemy.exc.SQLAlchemyError as error:
            raise NotImportable('The source cannot be read') from error

    def _open(self) -> None:
        with self._connect() as connection:
            inspector = sqlalchemy.inspect(connection)
            tables = set(inspector.get_table_names())
            self.revision = self._require_revision(connection, tables)
            for table in self._expected_tables():
                if table not in tables:
                    raise NotImportable(
                        f'The source is at revision {self.revision}, but has'
                        f' no table {table}: run the published "freezer-manage'
                        ' db sync" on it again, and read what it logs, for it'
                        ' exits with 0 on failures too.'
                    )
                columns = inspector.get_columns(table)
                # Without types: values are as the database's driver returns
                # them, which the conversion knows, whatever was declared.
                self._tables[table] = sqlalchemy.table(
                    table,
                    *(sqlalchemy.column(column['name']) for column in columns),
                )
            self._require_projects(connection)
            self._index_keys(connection)
            self._index_links(connection)
            self._index.finish()

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()
        self._index.close()

    def count(self, table: str) -> int:
        """Return the number of live rows of a table."""
        return self._index.count(table)

    def pages(self, table: str) -> collections.abc.Iterator[list[Row]]:
        """Yield the live rows of a table in the order of their creation."""
        for ids in self._index.pages(table):
            rows = {
                row['id']: row
                for row in self.named(
                    table,
                    'id',
                    ids,
                )
            }
            page: list[Row] = []
            for id in ids:
                # It may have been deleted since the source was opened.
                if id in rows and values.is_live(rows[id]):
                    page.append(rows[id])
            yield page

    def named(
        self, table: str, column: str, names: collections.abc.Iterable[str]
    ) -> list[Row]:
        """Return all rows of a table, deleted ones too, whose column has one of
        some names, exactly.
        """
        wanted = sorted(set(names))
        if not wanted or table not in self._tables:
            return []
        found: list[Row] = []
        condition = (
            self._tables[table]
            .c[column]
            .in_(bindparam('names', expanding=True))
        )
        statement = self._select(table).where(condition)
        for names_of_page in _in_pages(wanted):
            exact = frozenset(names_of_page)
            for row in self._find(statement, names_of_page):
                # Most collations of MySQL compare without case.
                if row[column] in exact:
                    found.append(row)
        return found

    def known(
        self, kind: str, names: collections.abc.Collection[tuple[str, str]]
    ) -> list[tuple[str, str]]:
        """Return those projects and ids under which there is or was a document
        of a kind.
        """
        table, column = _NAMED_BY.get(kind, (kind, 'id'))
        rows = self.named(
            table,
            column,
            [id for _project_id, id in names],
        )
        if kind == documents.CLIENTS:
            in_project = {(row['project_id'], row[column]) for row in rows}
            return [name for name in names if name in in_project]
        # These ids are unique; a job may have moved to another project.
        ids = {row[column] for row in rows}
        return [name for name in names if name[1] in ids]

    def links(
        self,
        session_ids: collections.abc.Iterable[str],
        job_ids: collections.abc.Iterable[str],
    ) -> dict[str, Link]:
        """Return the live jobs of ids, and those that name one of some
        sessions, by id.
        """
        found = self._index.find('session_id', session_ids)
        found.update(self._index.find('id', job_ids))
        return found

    def credentials(
        self, job_ids: collections.abc.Iterable[str]
    ) -> dict[str, Row]:
        """Return the live row of credentials that each of some jobs got last,
        by the job's id.
        """
        newest: dict[str, Row] = {}
        found = self.named('user_credentials', 'job_id', job_ids)
        for row in sorted(found, key=_age):
            if values.is_live(row):
                newest[row['job_id']] = row
        return newest

    def trusts(self) -> collections.abc.Iterator[list[Row]]:
        """Yield the trusts that live jobs have, one row for each in a project:
        of the first job that got it. In the order of their creation.
        """
        if 'user_credentials' not in self._tables:
            return
        seen: set[tuple[str, str]] = set()
        for page in self.pages('user_credentials'):
            job_ids = [row['job_id'] for row in page]
            links = self.links((), job_ids)
            valid = self.credentials(job_ids)
            trusts: list[Row] = []
            for row in page:
                link = links.get(row['job_id'])
                current = valid.get(row['job_id'])
                if link is None or current is None:
                    continue
                if current['id'] != row['id']:
                    continue
                key = link.project_id, row['trust_id']
                if key not in seen:
                    seen.add(key)
                    trusts.append({**row, 'project_id': link.project_id})
            yield trusts

    def _require_revision(
        self, connection: sqlalchemy.Connection, tables: set[str]
    ) -> str:
        if VERSION_TABLE not in tables:
            if LEGACY_TABLE in tables:
                raise NotImportable(
                    'The source is from before release 15 of the published'
                    ' service (it has migrate_version and no alembic_version):'
                    ' back it up, run "freezer-manage db sync" of the published'
                    ' release 18 on it, and import it then.'
                )
            raise NotImportable(
                'The source has no tables of the published service (no'
                ' alembic_version): check the URL.'
            )
        version = sqlalchemy.table(
            VERSION_TABLE, sqlalchemy.column('version_num')
        )
        found = connection.execute(
            sqlalchemy.select(version.c.version_num)
        ).scalars()
        revisions = sorted(found)
        if len(revisions) == 1 and revisions[0] in REVISIONS:
            return str(revisions[0])
        shown = ', '.join(revisions) or 'none'
        raise NotImportable(
            f'The source is at revision {shown}, which is none of the published'
            f' service up to release 19 ({REVISIONS[0]} to {REVISIONS[-1]}).'
        )

    def _expected_tables(self) -> list[str]:
        expected = list(TABLES)
        for table, first_revision in _LATER_TABLES.items():
            reached = REVISIONS.index(self.revision)
            if reached >= REVISIONS.index(first_revision):
                expected.append(table)
        return expected

    def _require_projects(self, connection: sqlalchemy.Connection) -> None:
        if self._project_id is not None:
            return
        without = 0
        for table in TABLES:
            columns = self._tables[table].c
            statement = (
                sqlalchemy.select(sqlalchemy.func.count())
                .select_from(self._tables[table])
                .where(self._is_live(table), columns.project_id.is_(None))
            )
            without += connection.execute(statement).scalar_one()
        if without:
            raise NotImportable(
                f'{without} documents of the source have no project, because'
                ' they were made by its v1 API: name the project that they are'
                ' to be in with --project.'
            )

    def _index_keys(self, connection: sqlalchemy.Connection) -> None:
        streamed = connection.execution_options(yield_per=PAGE_SIZE)
        for name, table in self._tables.items():
            statement = sqlalchemy.select(
                table.c.id, table.c.created_at
            ).where(self._is_live(name))
            for rows in streamed.execute(statement).partitions():
                self._index.add_keys(
                    (name, values.to_microseconds(created), id)
                    for id, created in rows
                )

    def _index_links(self, connection: sqlalchemy.Connection) -> None:
        columns = self._tables['jobs'].c
        statement = sqlalchemy.select(
            columns.id,
            columns.project_id,
            columns.session_id,
            columns.client_id,
        ).where(self._is_live('jobs'))
        streamed = connection.execution_options(yield_per=PAGE_SIZE)
        for rows in streamed.execute(statement).partitions():
            self._index.add_links(
                (id, project_id or self._project_id, session_id or '', client)
                for id, project_id, session_id, client in rows
            )

    @contextlib.contextmanager
    def _connect(self) -> collections.abc.Iterator[sqlalchemy.Connection]:
        with self._engine.connect() as connection:
            yield connection

    def _select(self, table: str) -> sqlalchemy.Select[typing.Any]:
        return sqlalchemy.select(*self._tables[table].c)

    def _is_live(self, table: str) -> sqlalchemy.ColumnElement[bool]:
        deleted = self._tables[table].c.deleted
        return sqlalchemy.func.coalesce(deleted, 0) == 0

    def _find(
        self,
        statement: sqlalchemy.Select[typing.Any],
        names: collections.abc.Sequence[str],
    ) -> list[Row]:
        """Return the rows of names; none for names that a column's character
        set lacks.
        """
        try:
            return self._rows(statement, {'names': names})
        except sqlalchemy.exc.OperationalError as error:
            # MariaDB doesn't even look for them.
            arguments = getattr(error.orig, 'args', ())
            if arguments[:1] != (_ILLEGAL_MIX,) or len(names) > 1:
                raise
            return []

    def _rows(
        self, statement: sqlalchemy.Select[typing.Any], parameters: Row
    ) -> list[Row]:
        with self._connect() as connection:
            found = connection.execute(statement, parameters).mappings()
            rows = [dict(row) for row in found]
        for row in rows:
            # A column whose collation is binary.
            for column in row.keys() - values.JSON_COLUMNS:
                if isinstance(row[column], bytes):
                    row[column] = values.to_text(row[column])
            if 'project_id' in row and row['project_id'] is None:
                row['project_id'] = self._project_id
                row[UNASSIGNED] = True
        return rows


def _in_pages(
    names: list[str],
) -> collections.abc.Iterator[collections.abc.Sequence[str]]:
    """Yield names for a statement each; apart, those that a column's character
    set may lack.
    """
    plain: list[str] = []
    for name in names:
        if name.isascii():
            plain.append(name)
        else:
            yield [name]
    yield from batches(plain, PAGE_SIZE)


def _age(row: Row) -> tuple[int, str]:
    return values.to_microseconds(row['created_at']), row['id']


def assigned(row: Row) -> bool:
    """Tell whether a row had a project of its own."""
    return UNASSIGNED not in row


def ids(rows: collections.abc.Iterable[Row], column: str) -> list[str]:
    """Return the texts of a column, without NULL and ''."""
    found: list[str] = []
    for row in rows:
        text = values.to_text(row[column])
        if text:
            found.append(text)
    return found
