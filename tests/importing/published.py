"""Databases as the published service leaves them, at any revision, with a test's own rows.

The tables were written down from databases that the published releases made. JSON is written as
bytes: SQLite keeps them as blobs, MariaDB as text.
"""

import datetime
import json
import pathlib
import typing

import fixtures
import sqlalchemy

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
#: The head of releases 16 to 18, and of 19.
RELEASE_18, RELEASE_19 = '23c8ad2655a6', '7a3b9c1d2e4f'
PROJECT, OTHER_PROJECT = 'a' * 32, 'b' * 32
USER = '1' * 32
COMMON = (
    'id VARCHAR(36) PRIMARY KEY, created_at DATETIME, updated_at DATETIME, deleted_at DATETIME,'
    ' deleted BOOLEAN'
)
OWNED = f'{COMMON}, project_id VARCHAR(36), user_id VARCHAR(64) NOT NULL'
TABLES = {
    'clients': 'client_id VARCHAR(255) NOT NULL, hostname VARCHAR(128), description VARCHAR(255),'
    ' uuid VARCHAR(36) NOT NULL',
    'actions': 'action VARCHAR(255) NOT NULL, actionmode VARCHAR(255), backup_name VARCHAR(255),'
    ' container VARCHAR(255), timeout INTEGER, priority INTEGER, max_retries_interval INTEGER,'
    ' max_retries INTEGER, mandatory BOOLEAN, log_file VARCHAR(255), backup_metadata TEXT',
    'jobs': 'schedule TEXT, client_id VARCHAR(255) NOT NULL, session_id VARCHAR(36),'
    ' session_tag INTEGER, description VARCHAR(255)',
    'sessions': 'session_tag INTEGER, description VARCHAR(255), hold_off INTEGER, schedule TEXT,'
    ' job TEXT, time_start INTEGER, time_end INTEGER, time_started INTEGER, time_ended INTEGER,'
    ' status VARCHAR(255), result VARCHAR(255)',
    'backups': 'job_id VARCHAR(36), backup_metadata TEXT',
}
CAPABILITIES = ('supported_actions', 'supported_modes', 'supported_storages', 'supported_engines')
JSON_COLUMNS = ('schedule', 'job', 'job_actions', 'backup_metadata', *CAPABILITIES)
DEFINITION = {'action': 'backup', 'mode': 'fs', 'path_to_backup': '/srv', 'container': 'c'}
DEFAULTS: dict[str, dict[str, typing.Any]] = {
    'clients': {'client_id': 'web1', 'hostname': 'web1', 'uuid': 'u'},
    'actions': {'action': 'backup', 'actionmode': 'fs', 'backup_metadata': DEFINITION},
    'jobs': {
        'client_id': 'web1',
        'session_id': '',
        'session_tag': 0,
        'description': '',
        'schedule': {'schedule_interval': '1 days'},
    },
    'sessions': {
        'session_tag': 0,
        'hold_off': 60,
        'schedule': {'schedule_interval': '1 days'},
        'time_start': -1,
        'time_end': -1,
        'time_started': -1,
        'time_ended': -1,
        'status': 'active',
    },
    'backups': {'backup_metadata': {'backup_name': 'n', 'container': 'c', 'hostname': 'h'}},
}
BEGIN = datetime.datetime(2026, 11, 29, 13, 46, 8)
#: BEGIN in seconds since the epoch.
BEGIN_SECONDS = 1795959968


def reaches(revision: str, other: str) -> bool:
    """Tell whether a revision is another one, or a later one."""
    return REVISIONS.index(revision) >= REVISIONS.index(other)


def tables(revision: str) -> dict[str, str]:
    """Return the columns of each table at a revision."""
    found = {name: f'{OWNED}, {columns}' for name, columns in TABLES.items()}
    path = 'path_to_backup' if reaches(revision, 'e74c32f034c5') else 'src_file'
    found['actions'] += f', {path} VARCHAR(255)'
    if reaches(revision, '23c8ad2655a6'):
        found['clients'] += ''.join(f', {column} VARCHAR(255)' for column in CAPABILITIES)
    if reaches(revision, '29a2fd19eb86'):
        found['user_credentials'] = (
            f'{COMMON}, trust_id VARCHAR(255) NOT NULL, trustor_user_id VARCHAR(64) NOT NULL,'
            ' job_id VARCHAR(36) NOT NULL'
        )
    if reaches(revision, '30a3fd20ec97'):
        found['clients'] += ', is_central BOOLEAN DEFAULT 0 NOT NULL'
    if reaches(revision, 'a1b2c3d4e5f6'):
        found['job_actions'] = (
            f'{COMMON}, job_id VARCHAR(36) NOT NULL, action_id VARCHAR(36) NOT NULL,'
            ' position INTEGER'
        )
    else:
        found['jobs'] += ', job_actions TEXT'
    if reaches(revision, '5c9d21e87f34'):
        found['backups'] += ", status VARCHAR(64) DEFAULT 'available' NOT NULL"
    return found


class Published(fixtures.Fixture):
    """One database; rows are added in the order of their creation, a second apart."""

    #: Of MariaDB's tables.
    charset = 'latin1'

    def __init__(self, revision: str = RELEASE_18, url: str = ''):
        super().__init__()
        self.revision = revision
        self.url = url
        self._added = 0

    def _setUp(self):
        if not self.url:
            folder = self.useFixture(fixtures.TempDir()).path
            self.url = f'sqlite:///{pathlib.Path(folder, "published.db")}'
        self._engine = sqlalchemy.create_engine(self.url, poolclass=sqlalchemy.NullPool)
        self.execute('CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)')
        self.execute('INSERT INTO alembic_version VALUES (?)', self.revision)
        for name, columns in tables(self.revision).items():
            charset = f' DEFAULT CHARSET={self.charset}' if self._engine.name == 'mysql' else ''
            self.execute(f'CREATE TABLE {name} ({columns}){charset}')

    def execute(self, statement: str, *values: object) -> None:
        """Execute one statement."""
        if self._engine.dialect.name == 'mysql':
            statement = statement.replace('?', '%s')
        with self._engine.begin() as connection:
            connection.exec_driver_sql(statement, values)

    def dump(self) -> dict[str, list[tuple]]:
        """All that the tables have."""
        found = {}
        with self._engine.connect() as connection:
            for name in tables(self.revision):
                rows = connection.exec_driver_sql(f'SELECT * FROM {name} ORDER BY id')
                found[name] = [tuple(row) for row in rows]
        return found

    def add(self, table: str, id: str, **given: object) -> None:
        """Add a row; what isn't given has the values of an ordinary one."""
        self._added += 1
        created = BEGIN + datetime.timedelta(seconds=self._added)
        values: dict[str, typing.Any] = {
            'id': id,
            'created_at': f'{created}.000000',
            'deleted': 0,
        }
        if table in TABLES:
            values |= {'project_id': PROJECT, 'user_id': USER}
        values |= DEFAULTS.get(table, {})
        values |= given
        for column in JSON_COLUMNS:
            if column in values and not isinstance(values[column], bytes | str | None):
                values[column] = json.dumps(values[column]).encode()
        columns = ', '.join(values)
        marks = ', '.join('?' * len(values))
        self.execute(f'INSERT INTO {table} ({columns}) VALUES ({marks})', *values.values())

    def add_job(self, id: str, *action_ids: str, **given: object) -> None:
        """Add a job with entries that refer to actions of the ordinary definition."""
        if reaches(self.revision, 'a1b2c3d4e5f6'):
            self.add('jobs', id, **given)
            for position, action_id in enumerate(action_ids):
                self.add(
                    'job_actions',
                    f'{id}-{position}',
                    job_id=id,
                    action_id=action_id,
                    position=position,
                )
            return
        entries = [{'action_id': one, 'freezer_action': DEFINITION} for one in action_ids]
        self.add('jobs', id, **{'job_actions': entries, **given})


def member(status: str = '', **given: object) -> dict[str, object]:
    """The entry of a job in a session's row."""
    entry = {'client_id': 'web1', 'status': status, 'result': ''}
    return {**entry, 'time_started': -1, 'time_ended': -1, **given}
