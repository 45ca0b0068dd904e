"""What the Elasticsearch driver logs of operations that are in each other's way, or break off."""

from freezer_api import exceptions
from freezer_api.db.elasticsearch.commits import locks, retries
from freezer_api.domain.documents import CLIENTS
from freezer_api.tests.contract import project_operations
from tests.contract import faults, stores


@stores.on_stores(*stores.ONE_OF_EACH)
class Logged:
    def set(self, module, name, value):
        """Another value of a constant, for this test."""
        self.addCleanup(setattr, module, name, getattr(module, name))
        setattr(module, name, value)

    def meeting(self):
        """An actor in whose next operation another one writes client ``c`` between its reading and
        its writing.
        """
        self.project.put_client('c', zone='old')
        storage = self.make_storage()

        def clock():
            # Attempts go on with the clock that they have begun with.
            if storage.clock is clock:
                storage.clock = self.clock
                self.project.put_client('c', zone='other')
            return self.clock()

        storage.clock = clock
        return project_operations.Project(storage, self.project.scope)

    def test_conflict_is_logged_with_its_reason(self):
        met = self.meeting()
        # On a machine that is busy the attempt may take longer, which is a line of its own.
        self.set(retries, 'WARN_AFTER', 3600)
        with self.assertLogs(retries.LOG, 'DEBUG') as logged:
            met.put_client('c', zone='new')
        (line,) = logged.output
        self.assertIn('DEBUG', line)
        name = f'clients {self.project.project_id}/c'
        self.assertIn(f'Changing {name}: attempt 1 ', line)
        self.assertIn(f'{name} was written by another operation', line)
        self.assertEqual('new', self.project.get(CLIENTS, 'c').body['client']['zone'])

    def test_operation_that_takes_long_is_a_warning(self):
        met = self.meeting()
        self.set(retries, 'WARN_AFTER', -1)
        with self.assertLogs(retries.LOG, 'WARNING') as logged:
            met.put_client('c', zone='new')
        (line,) = logged.output
        self.assertIn('still trying after', line)

    def test_operation_given_up_says_why(self):
        met = self.meeting()
        self.set(retries, 'DEADLINE', -1)
        with self.assertRaises(exceptions.StorageUnavailable) as caught:
            met.put_client('c', zone='new')
        self.assertIn('was written by another operation', str(caught.exception.__cause__))
        self.assertEqual('other', self.project.get(CLIENTS, 'c').body['client']['zone'])

    def test_committed_but_not_applied_is_a_warning(self):
        """The third write of an attachment is the one that applies it."""
        session, job = self.project.new_session(), self.project.new_job()
        faulty = faults.refused(self, 3)
        with self.assertLogs(locks.LOG, 'WARNING') as logged:
            project_operations.Project(faulty.storage, self.project.scope).attach(session, job)
        (line,) = logged.output
        self.assertRegex(line, r'Transaction \w{32} committed; applying it to 1 documents failed')
        self.assertEqual(session, self.project.job(job)['session_id'])

    def test_operation_that_waits_for_others_of_its_process_has_a_deadline(self):
        """Whoever is ahead stands still; the other one gives up, and the first one goes on."""
        self.project.put_client('c', zone='old')
        paused = faults.Paused(self, 1)
        slow = project_operations.Project(paused.faulty.storage, self.project.scope)
        with paused.doing(lambda: slow.put_client('c', zone='slow')):
            self.set(retries, 'DEADLINE', 0.2)
            with self.assertRaises(exceptions.StorageUnavailable) as caught:
                slow.put_client('c', zone='impatient')
            self.assertIn('were ahead', str(caught.exception.__cause__))
        self.assertEqual('slow', self.project.get(CLIENTS, 'c').body['client']['zone'])
