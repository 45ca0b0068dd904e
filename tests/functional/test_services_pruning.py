"""What an agent reports to have pruned is marked as deleted; nothing else is."""

import logging

import fixtures

from freezer_api import exceptions
from freezer_api.domain import documents, search
from freezer_api.services import backups, clients, jobs, pruning
from freezer_api.tests.failing_storage import CountedCalls
from tests.functional.use_cases import ME, STRANGER, UseCase

PLACE = {'storage': 'local', 'container': '/b', 'engine_name': 'tar', 'backup_name': 'etc'}
DAY = 86_400


class Pruning(UseCase):
    def setUp(self):
        super().setUp()
        clients.register(self.storage, ME, {'client_id': 'c', 'hostname': 'host'})
        jobs.create(
            self.storage,
            ME,
            {
                'job_id': 'prune',
                'client_id': 'c',
                'job_actions': [
                    {
                        'freezer_action': {
                            'action': 'admin',
                            'mode': 'fs',
                            **PLACE,
                            'remove_older_than': 7,
                        }
                    }
                ],
            },
        )

    def back_up(self, days, caller=ME, **metadata):
        """Record a backup of some days ago; its id."""
        told = {
            'hostname': 'host',
            **PLACE,
            'time_stamp': self.now // documents.SECOND - days * DAY,
            **metadata,
        }
        return backups.create(self.storage, caller, told).id

    def report(self, result='success', **schedule):
        """Report as an agent does that the job has run."""
        now = self.now // documents.SECOND
        told = {
            'status': 'completed',
            'result': result,
            'event': '',
            'time_started': now,
            'time_ended': now + 5,
        }
        body = {'job_schedule': {**told, **schedule}, 'session_id': '', 'session_tag': 0}
        return jobs.update(self.storage, ME, 'prune', body)

    def deleted(self):
        """The ids of the backups that are marked."""
        query = search.parse({'match': [{'status': 'deleted'}]}, 'backups', limit=1000)
        return [
            backup['backup_id']
            for caller in (ME, STRANGER)
            for backup in backups.list_page(self.storage, caller, query).items
        ]

    def test_old_backups_of_the_place_are_marked_deleted(self):
        old = [self.back_up(days) for days in (30, 8, 7)]
        for more in (
            {'days': 6},
            {'days': 30, 'hostname': 'other'},
            {'days': 30, 'backup_name': 'other'},
            {'days': 30, 'container': '/2'},
            {'days': 30, 'caller': STRANGER},
        ):
            self.back_up(**more)
        self.report('', status='running', time_ended=-1)
        self.report('fail')
        self.assertEqual([], self.deleted())
        self.report()
        self.assertEqual(old, self.deleted())

    def test_a_report_again_marks_nothing_more(self):
        old = self.back_up(8)
        self.report()
        backups.update(self.storage, ME, old, {'status': 'available'})
        self.report()
        self.assertEqual([], self.deleted())
        self.advance(60)
        self.report()
        self.assertEqual([old], self.deleted())

    def test_backups_of_all_pages_are_marked(self):
        self.addCleanup(setattr, pruning, 'PAGE_SIZE', pruning.PAGE_SIZE)
        pruning.PAGE_SIZE = 2
        old = [self.back_up(days) for days in range(10, 17)]
        others = [self.back_up(days, backup_name='other') for days in range(10, 17)]
        self.report()
        self.assertEqual(old, self.deleted())
        self.assertEqual([], [id for id in others if id in self.deleted()])

    def test_actions_that_prune_one_place_read_it_once(self):
        prune = {'action': 'admin', 'mode': 'fs', **PLACE, 'remove_older_than': 7}
        many = [{'freezer_action': {**prune, 'backup_name': f'{n}'}} for n in range(20)]
        jobs.update(self.storage, ME, 'prune', {'job_actions': many})
        old = [self.back_up(8, backup_name=name) for name in ('19', '0', '7')]
        self.back_up(8, backup_name='20')
        counted = self.storage = CountedCalls(self.storage, 'find')
        self.report()
        self.assertEqual(1, counted.count)
        self.assertEqual(old, self.deleted())

    def test_report_reads_a_bounded_number_of_pages(self):
        """Those of all places together."""
        for name in ('PAGE_SIZE', 'MAX_PAGES'):
            self.addCleanup(setattr, pruning, name, getattr(pruning, name))
        pruning.PAGE_SIZE, pruning.MAX_PAGES = 1, 5
        prune = {'action': 'admin', 'mode': 'fs', **PLACE, 'remove_older_than': 7}
        many = [{'freezer_action': {**prune, 'container': f'/{n}'}} for n in range(4)]
        jobs.update(self.storage, ME, 'prune', {'job_actions': many})
        for number in range(4):
            for _ in range(3):
                self.back_up(8, container=f'/{number}')
        counted = self.storage = CountedCalls(self.storage, 'find')
        self.report()
        self.assertEqual(5, counted.count)
        self.assertEqual(5, len(self.deleted()))

    def test_report_of_a_deleted_client_marks_nothing(self):
        self.back_up(8)
        clients.delete(self.storage, ME, 'c')
        self.report()
        self.assertEqual([], self.deleted())

    def test_report_is_stored_though_marking_fails(self):
        """The report is stored, and the agent isn't told otherwise."""
        self.back_up(8)
        log = fixtures.FakeLogger(level=logging.WARNING)
        log.setUp()
        self.addCleanup(log.cleanUp)
        whole = self.storage
        self.storage = Blind(whole)
        self.report()
        self.storage = whole
        self.assertEqual('success', self.job('prune')['job_schedule']['result'])
        self.assertIn(
            "Job 'prune' of project 'alpha' has pruned backups that are still listed", log.output
        )


class Blind:
    """A storage that no longer finds anything."""

    def __init__(self, storage):
        self._storage = storage

    def __getattr__(self, name):
        return getattr(self._storage, name)

    def find(self, *_arguments):
        """As if the server had gone."""
        raise exceptions.StorageUnavailable()
