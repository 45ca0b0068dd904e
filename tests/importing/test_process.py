"""``freezer-manage db import`` as an operator runs it: a process, which may be killed."""

import functools
import pathlib
import signal
import subprocess
import time

import fixtures
import sqlalchemy

from freezer_api.db.base import Storage
from freezer_api.domain.documents import BACKUPS, CLIENTS
from tests import servers
from tests.importing.base import ImportTest
from tests.importing.published import RELEASE_19, Published
from tests.live import programs, terminals

#: Backups: as many as take an import some time.
MANY = 3000
SECRET = 'sesame-open'


class ProcessTest(ImportTest):
    """A source, and a configuration file with an empty store."""

    def setUp(self):
        super().setUp()
        self.origin = self.database(RELEASE_19)
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)

    def configured(self, server: str = programs.SQLITE) -> str:
        """A configuration file with a store that has a schema; its path."""
        place = self.useFixture(programs.Database(server))
        file = programs.configuration(str(self.folder), place.url, place.extra)
        programs.run('freezer-manage', '--config-file', file, 'db', 'sync').check_returncode()
        return file

    def arguments(self, file: str, source: str) -> list[str]:
        """The command line of an import."""
        return ['freezer-manage', '--config-file', file, 'db', 'import', '--from', source]

    def run_process(self, file: str, source: str) -> subprocess.CompletedProcess[str]:
        """Import, and wait for its end."""
        return programs.run(*self.arguments(file, source))


class TestTerminal(ProcessTest):
    def test_progress_is_on_the_terminal_only(self):
        self.origin.add_job('j', 'act', session_id='nosuch')
        program, *arguments = self.arguments(self.configured(), self.origin.url)
        code, said, seen = terminals.run(program, *arguments)
        self.assertEqual(0, code, seen)
        self.assertRegex(seen, r'\rimporting jobs: +\d+%\|')
        self.assertRegex(seen, r'\rverifying jobs: +\d+%\|')
        self.assertNotIn('importing', said)
        self.assertIn('session-gone', said)
        # What nothing has met has no column.
        self.assertRegex(said, r'(?m)^ +imported  present before$')


@servers.needs(servers.MYSQL)
class TestInterruptions(ProcessTest):
    def fill(self, origin: Published) -> None:
        """Add many backups."""
        origin.add('backups', 'b')
        columns = 'created_at, deleted, project_id, user_id, backup_metadata, status'
        origin.execute(
            f'INSERT INTO backups (id, {columns})'
            ' WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)'
            f" SELECT 'b' || i, {columns} FROM n, backups WHERE id = 'b'",
            MANY - 1,
        )

    def interrupt(self, file: str, storage: Storage, number: int) -> int:
        """Begin an import, and send it a signal once some backups are there; its exit code."""
        before = storage.count(BACKUPS)
        program, *arguments = self.arguments(file, self.origin.url)
        # In the background of a shell SIGINT is ignored, which is inherited.
        heed = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
        with subprocess.Popen(
            [str(programs.FOLDER / program), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=heed,
        ) as process:
            deadline = time.monotonic() + programs.SECONDS
            while storage.count(BACKUPS) == before and time.monotonic() < deadline:
                time.sleep(0.005)
            process.send_signal(number)
            _said, self.errors = process.communicate(timeout=programs.SECONDS)
        self.assertLess(before, storage.count(BACKUPS))
        self.assertLess(storage.count(BACKUPS), MANY)
        return process.returncode

    def test_killed_import_goes_on(self):
        """However it ends, the next one brings the rest."""
        self.fill(self.origin)
        place = self.useFixture(programs.Database(servers.MYSQL))
        storage = self.store(place.url)
        file = programs.configuration(str(self.folder), place.url)
        self.assertEqual(-signal.SIGKILL, self.interrupt(file, storage, signal.SIGKILL))
        self.assertEqual(1, self.interrupt(file, storage, signal.SIGINT))
        self.assertEqual('freezer-manage: interrupted\n', self.errors)
        there = storage.count(BACKUPS)
        ended = self.run_process(file, self.origin.url)
        self.assertEqual(0, ended.returncode, ended.stderr)
        self.assertRegex(ended.stdout, rf'(?m)^backups +{MANY - there} +{there}$')
        self.assertEqual(MANY, storage.count(BACKUPS))
        self.assertEqual(1, storage.count(CLIENTS))
        self.assert_consistent(storage)


@servers.needs(servers.MYSQL)
class TestPassword(ProcessTest):
    """It is in no output and in no log, whatever fails."""

    def setUp(self):
        super().setUp()
        log = self.folder / 'manage.log'
        self.file = self.configured()
        with open(self.file, 'a') as file:
            file.write(f'[DEFAULT]\ndebug = true\nlog_file = {log}\n')
        self.log = log

    def said(self, source: str, code: int = 1) -> str:
        """All that an import of a source says."""
        ended = self.run_process(self.file, source)
        said = f'{ended.stdout}{ended.stderr}{self.log.read_text()}'
        self.assertEqual(code, ended.returncode, said)
        self.assertNotIn(SECRET, said)
        return said

    def test_password_of_a_source_that_fails_is_not_shown(self):
        address = sqlalchemy.make_url(servers.address(servers.MYSQL))
        denied = address.set(username='nobody', password=SECRET, database='x')
        sources = (
            denied.render_as_string(hide_password=False),
            f'mysql+pymysql://u:{SECRET}@127.0.0.1:1/x',
            f'mysql+nosuch://u:{SECRET}@host/x',
            f'nosuch://u:{SECRET}@host/x',
            f'mysql+pymysql//u:{SECRET}@host/x',
            f'mysql+pymysql://u:{SECRET}@host:port/x',
        )
        for source in sources:
            self.assertIn('freezer-manage: ', self.said(source))
            other = self.folder / 'published.conf'
            other.write_text(f'[database]\nconnection = {source}\n')
            self.said(str(other))

    def test_password_of_a_source_that_works_is_not_shown(self):
        url = sqlalchemy.make_url(self.useFixture(programs.Database(servers.MYSQL)).url)
        self.useFixture(Published(RELEASE_19, url.render_as_string(hide_password=False)))
        user = f'u{url.database[-20:]}'
        engine = sqlalchemy.create_engine(url)
        with engine.begin() as connection:
            for statement in (
                f"CREATE USER {user}@localhost IDENTIFIED BY '{SECRET}'",
                f'GRANT SELECT ON {url.database}.* TO {user}@localhost',
            ):
                connection.exec_driver_sql(statement)
        theirs = url.set(username=user, password=SECRET)
        said = self.said(theirs.render_as_string(hide_password=False), 0)
        self.assertIn('Verified', said)
        with engine.begin() as connection:
            connection.exec_driver_sql(f'DROP USER {user}@localhost')
        engine.dispose()
