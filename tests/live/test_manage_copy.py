"""``freezer-manage db copy``, from each kind of store to the next one, as an operator runs it."""

import functools
import re
import signal
import subprocess
import time

import fixtures
import testtools

from freezer_api import conf as configuration
from freezer_api import db
from freezer_api.db import base, copying
from freezer_api.domain import documents
from freezer_api.domain.documents import CLIENTS
from tests import servers
from tests.live import programs, terminals
from tests.live.test_manage import seed

#: Clients: as many as take a copy some time.
MANY = 4000


class CopyTest(testtools.TestCase):
    """Stores with a configuration file each, that the command can name."""

    def store(self, server: str = programs.SQLITE, extra: str = '') -> str:
        """An empty store; the path of its configuration file."""
        return self.configuration(self.useFixture(programs.Database(server)).url, extra)

    def configuration(self, connection: str | None, extra: str = '') -> str:
        """A configuration file; its path."""
        return programs.configuration(self.useFixture(fixtures.TempDir()).path, connection, extra)

    def open(self, config_file: str) -> base.Storage:
        """The store of a configuration file."""
        conf = configuration.new()
        conf(['--config-file', config_file], default_config_files=[], default_config_dirs=[])
        storage = db.load(conf)
        self.addCleanup(storage.close)
        return storage

    def seeded(self) -> str:
        """A store with two projects."""
        config_file = self.store()
        programs.run(
            'freezer-manage', '--config-file', config_file, 'db', 'sync'
        ).check_returncode()
        seed(config_file)
        return config_file

    def with_many(self) -> str:
        """A store with many clients besides."""
        config_file = self.seeded()
        storage = self.open(config_file)
        for first in range(0, MANY, copying.PAGE):
            ids = [f'client{number}' for number in range(first, first + copying.PAGE)]
            storage.restore(
                [
                    base.Entry(
                        CLIENTS,
                        'many',
                        id,
                        documents.Document(
                            CLIENTS,
                            'many',
                            id,
                            1,
                            1,
                            {'project_id': 'many', 'user_id': 'user', 'client': {'client_id': id}},
                        ),
                    )
                    for id in ids
                ]
            )
        return config_file

    def copy(self, source: str, target: str, own: str | None = None) -> tuple[int, str, str]:
        """The exit code, output and errors of a copy; ``own`` is the command's own configuration
        file.
        """
        ended = programs.run(
            'freezer-manage',
            '--config-file',
            own or source,
            'db',
            'copy',
            '--from',
            source,
            '--to',
            target,
        )
        return ended.returncode, ended.stdout, ended.stderr

    def copied(self, source: str, target: str, own: str | None = None) -> str:
        """Copy; the output."""
        code, said, errors = self.copy(source, target, own)
        self.assertEqual(0, code, said)
        self.assertEqual('', errors, said)
        return said

    def refused(self, ended: tuple[int, str, str], text: str) -> None:
        """Check the exit code and the one line."""
        code, _said, errors = ended
        self.assertEqual(1, code, errors)
        self.assertEqual(1, len(errors.splitlines()), errors)
        self.assertIn(text, errors)

    def same(self, *config_files: str) -> None:
        """Check that stores keep the same in the same order."""
        kept = [
            [
                entry.dump()
                for kind in copying.KINDS
                for page in copying.pages(storage, kind)
                for entry in page
            ]
            for storage in map(self.open, config_files)
        ]
        self.assertTrue(kept[0])
        self.assertTrue(all(one == kept[0] for one in kept))


class TestCopies(CopyTest):
    """From one database to the next one."""

    def test_copy_through_all_databases_keeps_digests(self):
        """SQLite to MariaDB to PostgreSQL to SQLite: the digests stay."""
        stores = [
            self.seeded(),
            self.store(servers.MYSQL),
            self.store(servers.POSTGRESQL),
            self.store(),
        ]
        said = [
            self.copied(source, target) for source, target in zip(stores, stores[1:], strict=False)
        ]
        found = [
            re.findall(
                r'^(\w+): (\d+) \(0 of them were there before\), digest (\w{32}) on both sides$',
                one,
                re.M,
            )
            for one in said
        ]
        self.assertEqual([found[0]] * 3, found)
        self.assertEqual(
            ['sessions 2', 'jobs 4', 'actions 4', 'clients 2', 'backups 2', 'trusts 0', 'runs 0'],
            [f'{kind} {count}' for kind, count, _digest in found[0]],
        )
        self.assertIn('copying jobs: done\n', said[0])
        self.same(*stores)

    def test_driver_name_means_the_own_configuration(self):
        """A driver's name stands for the command's own configuration; where it isn't named, that
        may lack a store.
        """
        source, target = self.seeded(), self.store(servers.POSTGRESQL)
        self.copied(source, 'sqlalchemy', own=target)
        self.same(source, target)
        third = self.store()
        self.copied(target, third, own=self.configuration(None))
        self.same(source, third)

    def test_copy_twice_is_a_noop(self):
        """A copy that is complete is read, and nothing is written."""
        source, target = self.seeded(), self.store(servers.MYSQL)
        self.copied(source, target)
        said = self.copied(source, target)
        self.assertIn('jobs: 4 (4 of them were there before)', said)
        self.same(source, target)


@servers.needs(servers.ELASTICSEARCH8)
class TestDrivers(CopyTest):
    """From one driver to the other one, by their names, with one configuration file."""

    def test_copy_to_another_driver_and_back_is_equal(self):
        """What comes back is what went."""
        source, target = self.seeded(), self.store()
        with servers.indices(servers.ELASTICSEARCH8) as (server, prefix):
            both = self.configuration(
                self.open(source).conf.database.connection,
                f'[elasticsearch]\nhosts = {server}\nindex = {prefix}\n',
            )
            self.copied('sqlalchemy', 'elasticsearch', own=both)
            self.copied('elasticsearch', target, own=both)
        self.same(source, target)


class TestInterruptions(CopyTest):
    """Copies of many documents that break off."""

    def setUp(self):
        super().setUp()
        self.source, self.target = self.with_many(), self.store(servers.MYSQL)

    def interrupt(self, number: int) -> subprocess.Popen:
        """Begin a copy, and send it a signal once some clients are there; the process, which has
        ended.
        """
        arguments = [
            str(programs.FOLDER / 'freezer-manage'),
            '--config-file',
            self.source,
            'db',
            'copy',
            '--from',
            self.source,
            '--to',
            self.target,
        ]
        storage = self.open(self.target)
        storage.sync()
        before = storage.count(CLIENTS)
        # In the background of a shell SIGINT is ignored, which is inherited.
        heed = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
        with subprocess.Popen(
            arguments,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=heed,
        ) as process:
            deadline = time.monotonic() + programs.SECONDS
            while storage.count(CLIENTS) == before and time.monotonic() < deadline:
                time.sleep(0.005)
            process.send_signal(number)
            self.said = process.communicate(timeout=programs.SECONDS)
        self.assertLess(before, storage.count(CLIENTS))
        self.assertLess(storage.count(CLIENTS), MANY)
        return process

    def test_interrupted_copy_resumes(self):
        """However it ends, the next call goes on."""
        self.assertEqual(-signal.SIGKILL, self.interrupt(signal.SIGKILL).returncode)
        self.assertEqual(1, self.interrupt(signal.SIGINT).returncode)
        self.assertEqual('freezer-manage: interrupted\n', self.said[1])
        there = self.open(self.target).count(CLIENTS)
        said = self.copied(self.source, self.target)
        self.assertIn(f'clients: {MANY + 2} ({there} of them were there before)', said)
        self.same(self.source, self.target)


class TestRefusals(CopyTest):
    """One line, exit code 1, and nothing written."""

    def test_target_with_other_documents_is_refused(self):
        """The target has something that isn't the source's, or isn't so any more."""
        source, target = self.seeded(), self.seeded()
        self.refused(self.copy(source, target), 'target has sessions')
        empty = self.store()
        self.copied(source, empty)
        scope = base.Scope('kept')
        self.open(empty).write(
            scope,
            CLIENTS,
            'more',
            lambda current, now: base.Store(
                {
                    'project_id': 'kept',
                    'user_id': 'user',
                    'client': {'client_id': 'more'},
                }
            ),
        )
        self.refused(self.copy(source, empty), 'target has clients more in project kept')
        self.assertEqual(3, self.open(empty).count(CLIENTS))

    def test_same_store_is_refused(self):
        """Both names are one."""
        source = self.seeded()
        self.refused(self.copy(source, source), 'same store')

    def test_source_without_schema_is_refused(self):
        """The line names the command that is missing; the target stays untouched."""
        source, target = self.store(), self.store()
        self.refused(self.copy(source, target), 'freezer-manage db sync')
        self.assertIsNone(self.open(target).version())

    def test_wrong_store_names_are_refused(self):
        """There is no such file, no such driver, no store in the file."""
        source = self.seeded()
        self.refused(self.copy(source, '/nowhere/other.conf'), '/nowhere/other.conf')
        self.refused(self.copy(source, 'stone'), 'stone')
        self.refused(self.copy(source, self.configuration(None)), 'connection')
        self.refused(
            self.copy(source, self.configuration('mysql+pymysql://root@127.0.0.1:1/freezer')),
            'storage',
        )

    def test_missing_option_exits_2(self):
        """Half a command line; and the help says that the service is to be stopped."""
        source = self.seeded()
        ended = programs.run(
            'freezer-manage', '--config-file', source, 'db', 'copy', '--from', source
        )
        self.assertEqual(2, ended.returncode)
        self.assertEqual('', ended.stdout)
        self.assertIn('--to', ended.stderr)
        ended = programs.run('freezer-manage', '--config-file', source, 'db', 'copy', '--help')
        self.assertEqual(0, ended.returncode)
        self.assertIn('Stop all API processes before you copy', ' '.join(ended.stdout.split()))


class TestTerminal(CopyTest):
    """What a person sees."""

    def test_progress_is_on_the_terminal_only(self):
        """Bars on the terminal, which standard output is free of."""
        source, target = self.seeded(), self.store()
        arguments = ['--config-file', source, 'db', 'copy', '--from', source, '--to', target]
        code, said, seen = terminals.run('freezer-manage', *arguments)
        self.assertEqual(0, code, seen)
        self.assertRegex(seen, r'\rcopying sessions: +\d+%\|')
        self.assertIn('verifying', seen)
        self.assertNotIn('copying', said)
        self.assertIn('sessions: 2 ', said)
