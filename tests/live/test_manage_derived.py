"""``freezer-manage db verify``, ``db reindex`` and the upgrade check, as an operator runs them."""

import json

import sqlalchemy
import testscenarios

from freezer_api import conf as configuration
from freezer_api import db
from freezer_api.db.elasticsearch import codec
from freezer_api.db.sqlalchemy import models
from freezer_api.domain.documents import BACKUPS, KINDS
from tests import servers
from tests.live import programs
from tests.live.test_manage import DATABASES, SeededTest

#: Lists a test once for each scenario of its class.
load_tests = testscenarios.load_tests_apply_scenarios
STORAGE = 'Storage and schema'
#: Commands of the release after this one, in the place of those of this one.
NEXT = {
    'freezer-manage': 'next_index:run_manage',
    'freezer-manager-status': 'next_index:run_status',
}


def load_storage(test):
    """The store of a test's configuration file; it is closed at the end."""
    conf = configuration.new()
    conf([f'--config-file={test.config_file}'], default_config_files=[], default_config_dirs=[])
    storage = db.load(conf)
    test.addCleanup(storage.close)
    return storage


def damage_moments(test, server):
    """Change the derived moments of all backups by hand."""
    storage = load_storage(test)
    if server not in servers.OWN:
        with storage.database.engines.writer.connect() as connection, connection.begin():
            connection.execute(sqlalchemy.update(models.backups).values(moment=1))
        return
    for entry in storage.entries(BACKUPS, (), 10):
        key = codec.key(BACKUPS, entry.project_id, entry.id)
        found = storage.transactions.committer.store.get(key)
        source = codec.source(key, found.value, found.mark) | {'moment': 1}
        storage.client.call(
            'PUT',
            f'/{found.index}/_doc/{key[1].replace("/", "%2F")}',
            source,
            {'refresh': 'true'},
        )


class TestDerived(SeededTest):
    """On every store."""

    scenarios = DATABASES

    def test_inconsistency_is_reported_and_repaired(self):
        self.assertEqual(
            (0, 'No inconsistencies.\n', ''), self._verified(self.manage('db', 'verify'))
        )
        self._damage()
        code, said, errors = self.manage('db', 'verify')
        self.assertEqual(1, code, said)
        self.assertEqual('', errors, said)
        self.assertIn('verifying jobs: done\n', said)
        self.assertRegex(said, r'(?m)^backups \S+ in project \S+: (column|field) moment is wrong$')
        self.assertEqual(
            '2 inconsistencies; to repair 2 of them run: freezer-manage db reindex --all',
            said.splitlines()[-1],
        )
        nothing = dict.fromkeys(KINDS, (0, 0))
        self.assertEqual(nothing, self._reindexed(self.manage('db', 'reindex')))
        self.assertEqual(
            {**nothing, BACKUPS: (0, 2)}, self._reindexed(self.manage('db', 'reindex', '--all'))
        )
        self.assertEqual(
            (0, 'No inconsistencies.\n', ''), self._verified(self.manage('db', 'verify'))
        )

    def test_upgrade_check_names_reindex(self):
        """The check names the command, after which there is nothing more to tell."""
        documents = {'sessions': 2, 'jobs': 4, 'actions': 4, 'clients': 2, 'backups': 2}
        self.assertEqual(0, self.upgrade_check()[1][STORAGE][0])
        code, details = self._checked_by_the_next()
        self.assertEqual(1, code)
        self.assertIn('freezer-manage db reindex', details)
        code, said, _errors = self._next('freezer-manage', 'db', 'verify')
        self.assertEqual(1, code)
        for kind, number in documents.items():
            self.assertIn(
                f'{kind}: {number} are indexed by an earlier release; '
                'run: freezer-manage db reindex\n',
                said,
            )
        self.assertEqual(
            {**{kind: (number, 0) for kind, number in documents.items()}, 'trusts': (0, 0)},
            self._reindexed(self._next('freezer-manage', 'db', 'reindex')),
        )
        self.assertEqual((0, ''), self._checked_by_the_next())
        self.assertEqual(
            (0, 'No inconsistencies.\n', ''),
            self._verified(self._next('freezer-manage', 'db', 'verify')),
        )

    def _next(self, program, *arguments):
        """What the next release's command ends with."""
        arguments = ('--config-file', self.config_file, *arguments)
        ended = programs.run(program, *arguments, entry=NEXT[program])
        return ended.returncode, ended.stdout, ended.stderr

    def _checked_by_the_next(self):
        """The result of its check, and the details."""
        _code, said, _errors = self._next('freezer-manager-status', 'upgrade', 'check', '--json')
        (check,) = (one for one in json.loads(said)['checks'] if one['check'] == STORAGE)
        return check['result'], check['details'] or ''

    def _verified(self, ended):
        """How a command ended, without its steps."""
        code, said, errors = ended
        kept = [line for line in said.splitlines(True) if not line.startswith('verifying ')]
        return code, ''.join(kept), errors

    def _reindexed(self, ended):
        """By kind, how many were reindexed and how many repaired."""
        code, said, errors = ended
        self.assertEqual(0, code, said)
        self.assertEqual('', errors, said)
        found = {}
        for line in said.splitlines():
            kind, _, numbers = line.partition(': ')
            if kind in KINDS and numbers[:1].isdigit():
                found[kind] = tuple(int(part.split()[0]) for part in numbers.split(', '))
        return found

    def _damage(self):
        """Change the derived moments of both backups by hand."""
        damage_moments(self, self.server)
