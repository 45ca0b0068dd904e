"""The judge rejects what a service answers that lacks a safeguard."""

import random

import testscenarios
import testtools

from tests import base
from tests.linearizable import campaign, deployments, mutants, recording
from tests.linearizable.campaign import Kind

#: Lists a test once for each scenario of its class.
load_tests = testscenarios.load_tests_apply_scenarios

SIZE = recording.Size(projects=2, callers=6, operations=40)
#: Waves in which a mutant has to be noticed.
WAVES = 8


#: Those that lose, double or halve writes, so that what was acknowledged fits no order.
LOSING = ('lost', 'twice', 'unlocked', 'uncompared')


class Mutants:
    """One mutant after the other. A class for each store."""

    mutant: str
    store: str

    def test_history_of_mutant_is_rejected(self):
        """Without the mutant such histories are accepted: :mod:`.test_histories`."""
        kinds = set()
        wanted = {Kind.LOST} if self.mutant in LOSING else {Kind.LOST, Kind.STALE}
        for history in self.histories():
            kinds.add(campaign.opinion(history).kind)
            if kinds & wanted:
                return
        self.fail(f'{self.mutant} was not noticed in {WAVES} waves: {kinds}')

    def histories(self):
        seed = f'{self.id()}-{base.SEED}'
        with deployments.deployed(deployments.BY_NAME[self.store], 2, mutant=self.mutant) as found:
            for wave in range(WAVES):
                yield from recording.record(found, random.Random(f'{seed}-{wave}'), SIZE)


def _scenarios(*names: str) -> list[tuple[str, dict[str, str]]]:
    return [(name, {'mutant': mutants.MUTANTS[name].__name__}) for name in names]


class MutantsOnSQLite(Mutants, testtools.TestCase):
    store = 'SQLite'
    scenarios = _scenarios('lost', 'stale', 'late', 'twice', 'apart')


class MutantsOnMariaDB(Mutants, testtools.TestCase):
    store = 'MariaDB'
    scenarios = _scenarios('unlocked')


class MutantsOnPostgreSQL(Mutants, testtools.TestCase):
    store = 'PostgreSQL'
    scenarios = _scenarios('unlocked')


class MutantsOnElasticsearch9(Mutants, testtools.TestCase):
    store = 'Elasticsearch9'
    scenarios = _scenarios('uncompared', 'stale')


class MutantsOnOpenSearch3(Mutants, testtools.TestCase):
    store = 'OpenSearch3'
    scenarios = _scenarios('uncompared')
