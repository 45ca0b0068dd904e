"""What a job has removed, by its actions and its times."""

import unittest

from freezer_api.domain import pruning

DAY = 86_400
STARTED = 1_700_000_000
PLACE = {'storage': 'local', 'container': '/b', 'engine_name': 'tar', 'backup_name': 'etc'}


def job(result='success', ended=STARTED + 5, **action):
    """A job with one action, on a client that is called ``host``."""
    return {
        'job_actions': [{'freezer_action': {'action': 'admin', **PLACE, **action}}],
        'job_schedule': {'result': result, 'time_started': STARTED, 'time_ended': ended},
    }


def backup(time_stamp, **metadata):
    """A backup's document."""
    return {
        'status': 'available',
        'backup_metadata': {
            'mode': 'fs',
            'hostname': 'host',
            **PLACE,
            'time_stamp': time_stamp,
            **metadata,
        },
    }


def removed(action, body):
    """Whether a job with an action removes a backup."""
    return any(cut.removes(body) for cut in pruning.cuts(job(**action), 'host'))


class TestPruning(unittest.TestCase):
    def test_job_has_pruned_once_it_succeeds(self):
        prunes = {'remove_older_than': 1}
        running, done = job('', -1, **prunes), job(**prunes)
        for before, after, expected in (
            (running, done, True),
            (running, running, False),
            (running, job('fail', **prunes), False),
            (done, done, False),
            (done, job(ended=STARTED + 99, **prunes), True),
            (job('fail', **prunes), done, True),
            (running, job(ended=-1, **prunes), False),
            (running, job(), False),
            (running, job(**{'remove-before-date': '2023-11-14'}), True),
            (running, job(remove_from_date=None), False),
        ):
            self.assertEqual(expected, pruning.has_pruned(before, after), (before, after))

    def test_backups_up_to_the_limit_are_removed(self):
        for action, last in (
            ({'remove_older_than': 7}, STARTED - 7 * DAY),
            ({'remove_older_than': '0.5'}, STARTED - DAY // 2),
            ({'remove_older_than': 0}, STARTED),
            ({'remove_before_date': '2023-11-14T22:13:20'}, STARTED),
            ({'remove_from_date': '2023-11-14T22:13:20Z'}, STARTED),
            ({'remove-before-date': '2023-11-15T00:13:20+02:00'}, STARTED),
            ({'action': 'backup', 'remove_older_than': 1}, STARTED - DAY),
        ):
            self.assertIs(True, removed(action, backup(last)), action)
            self.assertIs(False, removed(action, backup(last + 1)), action)

    def test_other_actions_and_bad_limits_remove_nothing(self):
        for action in (
            {},
            {'remove_older_than': None},
            {'remove_older_than': 'x'},
            {'remove_older_than': -1},
            {'remove_older_than': True},
            {'remove_before_date': 'soon'},
            {'remove_older_than': 'nan'},
            {'action': 'restore', 'remove_older_than': 0},
            {'action': 'exec', 'remove_older_than': 0},
            {'mode': 'cindernative', 'remove_older_than': 0},
            {'mode': 'nova', 'remove_older_than': 0},
        ):
            self.assertFalse(removed(action, backup(1)), action)

    def test_backups_of_other_places_are_kept(self):
        old = {'remove_older_than': 1}
        for metadata in (
            {'hostname': 'other'},
            {'container': '/2'},
            {'storage': 'swift'},
            {'engine_name': 'rsync'},
            {'backup_name': 'other'},
            {'time_stamp': None},
            {'time_stamp': 'x'},
        ):
            self.assertFalse(
                removed(
                    old,
                    backup(1) | {'backup_metadata': {**backup(1)['backup_metadata'], **metadata}},
                ),
                metadata,
            )
        self.assertTrue(removed({**old, 'hostname': 'other'}, backup(1, hostname='other')))
        self.assertTrue(
            removed(
                {**old, 'backup_name': '{mode}-{resource_id}'},
                backup(1, backup_name='mysql-host', mode='mysql'),
            )
        )
        self.assertEqual([], [*pruning.cuts(job(remove_older_than=1), '')])
