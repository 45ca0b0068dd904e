"""What the preflight says of a job's actions and schedule."""

import unittest

from freezer_api.domain import preflight

BACKUP = {
    'action': 'backup',
    'mode': 'fs',
    'storage': 'local',
    'engine_name': 'tar',
    'container': '/b',
}


def told(*definitions, schedule=None, in_session=False):
    """The problems, as number, key, code, agents and effect."""
    found = preflight.problems(definitions, schedule or {}, in_session)
    return [
        tuple(problem[key] for key in ('action', 'key', 'code', 'agents', 'effect'))
        for problem in found
    ]


class TestPreflight(unittest.TestCase):
    def test_sound_action_gets_no_warning(self):
        self.assertEqual(
            [],
            told(
                BACKUP, {**BACKUP, 'max_level': '5', 'restart_always_level': 1.5, 'log_file': '/l'}
            ),
        )

    def test_unknown_key_is_told_with_its_releases(self):
        for key, expected in (
            ('restore_from_host', ('unknown-key', '>=19.0.0', 'fails')),
            ('engine', ('unknown-key', '>=19.0.0', 'fails')),
            ('mandatory', ('unknown-key', '>=19.0.0', 'fails')),
            ('no_incremental', ('unknown-key', '>=19.0.0', 'fails')),
            ('remove_before_date', ('unknown-key', '<19.0.0', 'ignored')),
            ('temp_resource_prefix', ('unknown-key', '<18.0.0', 'ignored')),
            ('path-to-backup', ('dashes', '<19.0.0', 'ignored')),
        ):
            self.assertEqual([(1, key, *expected)], told(BACKUP, {**BACKUP, key: '1'}), key)
        self.assertEqual([], told({**BACKUP, 'engine': None}))

    def test_unreadable_value_is_told_with_its_effect(self):
        for key, value, expected in (
            ('exclude', '100%', [('percent', 'fails')]),
            ('exclude', '100%%', []),
            ('max_level', 'five', [('no-integer', 'fails')]),
            ('max_level', 1.5, [('no-integer', 'fails')]),
            ('max_level', False, []),
            ('max_level', 'False', []),
            ('ssh_port', '22', []),
            ('remove_older_than', '1.5', []),
            ('remove_older_than', 'old', [('no-number', 'fails')]),
        ):
            expected = [(0, key, code, '>=16.0.0', effect) for code, effect in expected]
            self.assertEqual(expected, told({**BACKUP, key: value}), (key, value))

    def test_action_that_hangs_or_is_unrestorable_is_told(self):
        self.assertEqual(
            [(0, 'action', 'exec', '>=19.0.0', 'hangs')], told({'action': 'exec', 'command': 'x'})
        )
        for engine, effect in (('rsync', 'hangs'), ('rsyncv2', 'unrestorable')):
            self.assertEqual(
                [(0, 'engine_name', 'engine', '>=16.0.0', effect)],
                told({**BACKUP, 'engine_name': engine}),
            )
        chain = {**BACKUP, 'remove_older_than': 7, 'always_level': 3}
        self.assertEqual(
            [(0, 'remove_older_than', 'prunes-chain', '>=16.0.0', 'unrestorable')], told(chain)
        )

    def test_interval_in_a_session_is_told_as_ignored(self):
        expected = [(None, 'schedule_interval', 'interval-in-session', '>=16.0.0', 'ignored')]
        schedule = {'schedule_interval': '1 days'}
        self.assertEqual(expected, told(BACKUP, schedule=schedule, in_session=True))
        self.assertEqual([], told(BACKUP, schedule=schedule))
        self.assertEqual([], told(BACKUP, schedule={'schedule_hour': '3'}, in_session=True))
