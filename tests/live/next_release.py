"""The release after this one, as tests imagine it: a copy of the source with one more revision that
expands the schema and one that contracts it, and with another index of documents.
"""

import os
import pathlib
import shutil
import subprocess
import sys

import fixtures

import freezer_api
from freezer_api.db.elasticsearch.indices import mappings
from freezer_api.db.sqlalchemy import migration
from freezer_api.domain import search_pairs
from tests.live import commands_preloaded, programs

SOURCE = pathlib.Path(freezer_api.__file__).parent
#: The key by which the next release finds every client, and its value.
FOUND_BY = {'indexed_by': 'the next release'}
REVISION = '9001'
#: For commands that run while callers are at it, on a machine that does other things as well.
SECONDS = 5 * programs.SECONDS

#: A column that processes of the release before leave to its default, and an index in place of
#: another one.
EXPANDING = """
'''Expand.'''

import sqlalchemy
from alembic import op

revision = {revision!r}
down_revision = {before!r}


def upgrade():
    inspector = sqlalchemy.inspect(op.get_bind())
    if 'next' not in {{one['name'] for one in inspector.get_columns('freezer_clients')}}:
        column = sqlalchemy.Column(
            'next', sqlalchemy.BigInteger(), nullable=False, server_default=sqlalchemy.text('0')
        )
        op.add_column('freezer_clients', column)
    if 'ix_next' not in {{one['name'] for one in inspector.get_indexes('freezer_backups')}}:
        op.create_index('ix_next', 'freezer_backups', ['project', 'job_id', 'created'])
    compatibility = sqlalchemy.table('freezer_compatibility', sqlalchemy.column('revision'))
    op.execute(sqlalchemy.update(compatibility).values(revision=revision))
"""
#: The index that statements of the release before name.
CONTRACTING = """
'''Contract.'''

import sqlalchemy
from alembic import op

revision = {revision!r}
down_revision = {before!r}


def upgrade():
    compatibility = sqlalchemy.table('freezer_compatibility', sqlalchemy.column('lowest'))
    op.execute(sqlalchemy.update(compatibility).values(lowest=revision))
    name = 'ix_freezer_backups_project_job_id_created'
    inspector = sqlalchemy.inspect(op.get_bind())
    if name in {{one['name'] for one in inspector.get_indexes('freezer_backups')}}:
        op.drop_index(name, 'freezer_backups')
"""
COLUMN = """
def _next_extras() -> tuple[sqlalchemy.schema.SchemaItem, ...]:
    zero = sqlalchemy.text('0')
    return (
        sqlalchemy.Column('next', sqlalchemy.BigInteger, nullable=False, server_default=zero),
    )


_EXTRAS = {
    documents.CLIENTS: _next_extras,
"""
#: By file: texts, and what the next release has in their place.
CHANGES = {
    'db/sqlalchemy/models.py': (
        ("'ix_freezer_backups_project_job_id_created'", "'ix_next'"),
        ('_EXTRAS = {\n', COLUMN.lstrip('\n')),
    ),
    'db/sqlalchemy/documents/rows.py': (
        (
            '    if kind != documents.BACKUPS:\n',
            "    if kind == documents.CLIENTS:\n        return {'next': 1}\n"
            '    if kind != documents.BACKUPS:\n',
        ),
    ),
    'db/sqlalchemy/maintenance/derived.py': (
        ('EXTRAS = {\n', "EXTRAS = {\n    documents.CLIENTS: ('next',),\n"),
    ),
    'domain/search_pairs.py': (
        (
            f'INDEX_VERSION = {search_pairs.INDEX_VERSION}\n',
            f'INDEX_VERSION = {search_pairs.INDEX_VERSION + 1}\n',
        ),
        (
            '    return frozenset(_find_pairs(kind, body))\n',
            '    found = set(_find_pairs(kind, body))\n'
            '    if kind == documents.CLIENTS:\n'
            f'        found |= {{(key, canonical(value)) for key, value in {FOUND_BY}.items()}}\n'
            '    return frozenset(found)\n',
        ),
    ),
}
#: What makes it a release whose indices in Elasticsearch are others.
MAPPINGS = {
    'db/elasticsearch/indices/mappings.py': (
        (f'VERSION = {mappings.VERSION}\n', f'VERSION = {mappings.VERSION + 1}\n'),
        ("    'restless': {", "    'next': {'type': 'boolean'},\n    'restless': {"),
    ),
}


class NextRelease(fixtures.Fixture):
    """The source in a folder that is put before all others on the search path of modules;
    ``with_mappings``: with other indices, too.
    """

    def __init__(self, with_mappings: bool = False):
        super().__init__()
        self._changes = CHANGES | MAPPINGS if with_mappings else CHANGES
        self.folder = ''

    def _setUp(self) -> None:
        self.folder = self.useFixture(fixtures.TempDir()).path
        package = pathlib.Path(self.folder, 'freezer_api')
        # With its bytecode, but for what others are writing.
        shutil.copytree(SOURCE, package, ignore=shutil.ignore_patterns('tests', '*.pyc.*'))
        for name, changes in self._changes.items():
            file = package / name
            text = file.read_text()
            for old, new in changes:
                if text.count(old) != 1:
                    raise AssertionError(f'{name} has {text.count(old)} times: {old}')
                text = text.replace(old, new)
            file.write_text(text)
        migrations = package / 'db' / 'sqlalchemy' / 'migrations'
        for line, text in ((migration.EXPAND, EXPANDING), (migration.CONTRACT, CONTRACTING)):
            file = migrations / line.folder / f'{REVISION}_next.py'
            before = migration.revisions(line)[-1]
            file.write_text(text.lstrip().format(revision=REVISION, before=before))
        self._commands = commands_preloaded.Preloaded(
            sys.executable, programs.IMPORTED, **self.environment
        )
        self.addCleanup(self._commands.stop)

    @property
    def environment(self) -> dict[str, str]:
        """What its processes need."""
        return {'PYTHONPATH': self.folder, 'PYTHONWARNINGS': 'ignore'}

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of its commands until it ends."""
        command = [str(programs.FOLDER / program), *arguments]
        variables = {**os.environ, **self.environment}
        return self._commands.run(programs.ENTRIES[program], command, variables, SECONDS)
