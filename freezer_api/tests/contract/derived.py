"""What is derived of documents: held against them, told where it has drifted, and made anew."""

import collections
import contextlib
import threading
import unittest.mock

from freezer_api import exceptions
from freezer_api.db import doctor, verifying
from freezer_api.db.base import Entry, Store
from freezer_api.domain import documents, search_pairs
from freezer_api.domain.documents import (
    ACTIONS,
    BACKUPS,
    CLIENTS,
    JOBS,
    SESSIONS,
    TRUSTS,
    Document,
)
from freezer_api.domain.session_state import Member, Session
from freezer_api.tests.base import EXPLORING
from freezer_api.tests.contract import bodies

#: Documents in a step of the walks of verify and reindex.
FEW = 3
#: Seconds for which others write.
WRITING_SECONDS = 10 if EXPLORING else 1


@contextlib.contextmanager
def unseen(step, total):
    """Progress that nobody looks at."""
    yield lambda number: None


def next_release():
    """What is indexed from now on, and asked for, is of the next version."""
    return unittest.mock.patch.object(search_pairs, 'INDEX_VERSION', search_pairs.INDEX_VERSION + 1)


def _name(drift):
    return drift.kind, drift.project_id, drift.id


class Stores:
    """A store of each test's own, in which something of every kind is."""

    def setUp(self):
        super().setUp()
        self.own = self.make_own_storage()
        self.project = self.in_project('p', self.own)
        self.other = self.in_project('q é', self.own)
        for project in (self.project, self.other):
            self.live(project)

    def live(self, project):
        """Let a project have documents of every kind, and runs."""
        project.put_client('c', zone='Ä')
        project.put_action('a', action='backup')
        project.put_trust('t')
        project.new_session('s', hold_off=0, schedule={'schedule_interval': '1 days'})
        for id in ('j1', 'j2'):
            project.new_job(id, session_id='s', actions=['a'])
        project.new_job('k', user_credentials={'trust_id': 't', 'trustor_user_id': 'user'})
        for tag in range(3):
            self.clock.advance(1)
            project.start('s', 'j1', tag)
            project.end('s', 'j1', tag + 1)
        project.put_backup('b', job_id='j1', time_stamp=1_700_000_000, backup_name='weekly')

    def walked(self, walk, kinds=verifying.KINDS, **named):
        """All steps of a walk."""
        found = []
        for kind in kinds:
            place = ()
            while place is not None:
                step = walk(kind, place, FEW, **named)
                found.append(step)
                place = step.place
        return found

    def drifts(self, walk=None, **named):
        """What a walk tells, without words."""
        walk = walk or self.own.verify
        return {_name(drift) for step in self.walked(walk, **named) for drift in step.drifts}

    def outdated(self, walk=None, **named):
        """How many documents a walk finds that an earlier version has indexed."""
        return sum(step.outdated for step in self.walked(walk or self.own.verify, **named))

    def told(self):
        """What an operator is told."""
        return [
            (drift.kind, drift.id, drift.what)
            for drift in verifying.verify(self.own, unseen, collections.Counter())
        ]

    def mended(self, *expected):
        """Check that drifts of these documents are told, mended once, and then no more."""
        self.assertEqual(set(expected), self.drifts())
        self.assertEqual({(*one, False) for one in expected}, self._examined(fix=False))
        self.assertEqual({(*one, True) for one in expected}, self._examined(fix=True))
        self.assertEqual(set(), self._examined(fix=True))
        self.assertEqual(set(), self.drifts(self.own.reindex, thorough=True))
        self.assertEqual(set(), self.drifts())

    def _examined(self, fix):
        """What the doctor tells, without words, and whether it has repaired it."""
        return {
            (*_name(finding.drift), finding.is_repaired)
            for finding in doctor.Doctor(self.own, unseen, fix).examine()
        }

    def while_others_write(self, walk):
        """Walk, again and again, while two processes write what they look at then."""
        over, failed = threading.Event(), []

        def write(number, storage):
            project, rounds = self.in_project('p', storage), 0
            try:
                while not over.is_set():
                    rounds += 1
                    self._write(project, number, rounds)
            except Exception as error:
                failed.append(error)

        threads = [
            threading.Thread(target=write, args=(number, self.make_storage(self.own.conf)))
            for number in range(2)
        ]
        for thread in threads:
            thread.start()
        self.addCleanup(over.set)
        timer = threading.Timer(WRITING_SECONDS, over.set)
        timer.start()
        walks = 0
        while not over.is_set():
            walk(walks)
            walks += 1
        for thread in threads:
            thread.join()
        self.assertEqual([], failed)
        self.assertGreater(walks, 0)
        self.assertEqual([], self.told())
        self.assertEqual(set(), self.drifts())

    def _write(self, project, number, rounds):
        """What callers do to documents that both threads have, and that one has."""
        mine = f'm{number}'
        project.put_client('c', zone=f'{number} {rounds}')
        project.put_action('a', action='backup', path=f'/{number}/{rounds}')
        project.put_backup(mine, time_stamp=rounds, job_id='j1')
        now = {'time_after': rounds, 'time_before': rounds}
        self.assertIn(mine, project.ids(BACKUPS, bounds=now))
        project.attach('s', 'j1')
        with contextlib.suppress(exceptions.InvalidInput):
            # The other one may have taken it out.
            project.start('s', 'j1', rounds)
            project.end('s', 'j1')
        self._put_job(project, mine, f'{rounds}')
        project.attach('s', mine)
        project.patch_session('s', schedule={'schedule_interval': f'{rounds} days'})
        project.detach('s', 'j1')
        self.assertEqual(
            [mine], project.ids(JOBS, [{'job_id': mine}, {'description': f'{rounds}'}])
        )
        self.assertTrue(project.delete_job(mine))
        project.write(BACKUPS, mine, None)

    def _put_job(self, project, id, description):
        """A job that has the action as it is then, which others change meanwhile."""

        def change(current, stored, now):
            copy = bodies.entry('a', stored['a'].body['freezer_action'])
            return Store(
                bodies.job_body(id, project.project_id, description=description, job_actions=[copy])
            )

        project.storage.write_job(project.scope, id, change, ('a',))


class Derived(Stores):
    """A store that nobody has laid hands on."""

    def setUp(self):
        super().setUp()
        self.documents = sum(self.own.count(kind) for kind in documents.KINDS)

    def test_sound_store_has_no_inconsistency(self):
        self.assertEqual(set(), self.drifts())
        self.assertEqual([], self.told())
        looked = sum(step.looked for step in self.walked(self.own.verify, documents.KINDS))
        self.assertEqual(self.documents, looked)
        self.assertEqual(0, self.outdated(thorough=False))
        self.assertFalse(verifying.has_outdated(self.own))

    def test_next_version_indexes_every_document_once(self):
        """Every document is indexed anew once, and stays what it is."""
        before = self._everything()
        with next_release():
            self.assertTrue(verifying.has_outdated(self.own))
            self.assertEqual(self.documents, self.outdated(thorough=False))
            self.assertEqual(self.documents, self.outdated())
            self.assertEqual(set(), self.drifts(), 'what an earlier one has made is no drift')
            done = collections.Counter()
            self.assertEqual([], list(verifying.reindex(self.own, unseen, False, done)))
            self.assertEqual(self.documents, done.total())
            self.assertEqual(0, self.outdated(self.own.reindex))
            self.assertFalse(verifying.has_outdated(self.own))
            self.assertEqual([], self.told())
        self.assertEqual(before, self._everything())
        self.assertEqual(set(), self.drifts(), 'what a later one has made is no drift')
        self.assertEqual(0, self.outdated(self.own.reindex, thorough=True))

    def test_changes_by_an_earlier_release_are_outdated(self):
        with next_release():
            self.walked(self.own.reindex)
        self.project.put_client('c', zone='other')
        self.clock.advance(1)
        self.project.start('s', 'j1', 3)
        self.project.end('s', 'j1', 4)
        self.project.put_backup('b', backup_name='daily')
        with next_release():
            outdated = {
                kind: sum(step.outdated for step in self.walked(self.own.verify, (kind,)))
                for kind in documents.KINDS
            }
            self.assertEqual(
                {CLIENTS: 1, SESSIONS: 1, BACKUPS: 1, JOBS: outdated[JOBS], ACTIONS: 0, TRUSTS: 0},
                outdated,
            )
            self.walked(self.own.reindex)
            self.assertEqual([], self.told())

    def test_walk_broken_off_does_not_repeat_what_is_done(self):
        with next_release():
            first = self.own.reindex(JOBS, (), FEW)
            self.assertEqual(FEW, first.looked)
            self.assertEqual(FEW, first.outdated)
            again = self.walked(self.own.reindex, (JOBS,))
            self.assertEqual(self.own.count(JOBS) - FEW, sum(step.outdated for step in again))

    def test_contradicting_documents_are_told(self):
        """As no driver stores them, and another store may have told."""
        job = bodies.job_body(
            'lost',
            'z',
            session_id='gone',
            job_actions=[bodies.entry('missing', {'action': 'backup'})],
            user_credentials={'trust_id': 'ended', 'trustor_user_id': 'user'},
        )
        copied = bodies.job_body(
            'member', 'z', client_id='one', job_actions=[bodies.entry('a', {'action': 'backup'})]
        )
        action = {'action_id': 'a', 'project_id': 'z', 'freezer_action': {'action': 'exec'}}
        old = self.clock() - verifying.GRACE - 1
        entries = [
            Entry(JOBS, 'z', 'lost', Document(JOBS, 'z', 'lost', 1, 1, job)),
            Entry(JOBS, 'z', 'member', Document(JOBS, 'z', 'member', 1, 1, copied)),
            Entry(ACTIONS, 'z', 'a', Document(ACTIONS, 'z', 'a', 1, 1, action)),
            Entry(TRUSTS, 'z', 'old', Document(TRUSTS, 'z', 'old', 1, old, {'trust_id': 'old'})),
            Entry(
                TRUSTS, 'z', 'new', Document(TRUSTS, 'z', 'new', 1, old + 2, {'trust_id': 'new'})
            ),
            Entry(
                SESSIONS,
                'z',
                's',
                Session(
                    'z', 's', 'user', members={'member': Member('one'), 'nobody': Member('one')}
                ),
            ),
        ]
        for entry in entries:
            self.own.restore([entry])
        self.assertEqual(set(), self.drifts())
        self.assertEqual(
            [
                (SESSIONS, 's', "its member, job member, is in session ''"),
                (SESSIONS, 's', 'its member nobody is no job'),
                (JOBS, 'lost', 'it is in session gone, which has no such member'),
                (JOBS, 'lost', 'its action missing is missing'),
                (JOBS, 'lost', 'its trust ended is missing'),
                (JOBS, 'member', 'its copy of action a is another one'),
                (TRUSTS, 'old', 'no job has it'),
            ],
            self.told(),
        )

    def test_nothing_is_told_of_what_others_write_meanwhile(self):
        told, drifted = [], set()

        def walk(number):
            told.extend(self.told())
            drifted.update(self.drifts(), self.drifts(self.own.reindex, thorough=True))

        self.while_others_write(walk)
        self.assertEqual([], told)
        self.assertEqual(set(), drifted)

    def test_writes_during_a_reindex_are_indexed(self):
        """Each walk is one of the next version, so it writes all that isn't written meanwhile."""
        first, done = search_pairs.INDEX_VERSION, []
        self.addCleanup(setattr, search_pairs, 'INDEX_VERSION', first)

        def walk(number):
            search_pairs.INDEX_VERSION = first + 1 + number
            done.append(self.outdated(self.own.reindex))

        self.while_others_write(walk)
        self.assertGreater(sum(done), self.documents / 2)
        self.outdated(self.own.reindex)
        self.assertEqual(0, self.outdated())
        self.assertEqual([], self.told())
        self.assertEqual(set(), self.drifts())

    def _everything(self):
        return [
            entry.dump() for kind in documents.KINDS for entry in self.own.entries(kind, (), 1000)
        ]
